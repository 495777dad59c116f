//! `lakefront ddl`: the SQL that registers a table.

use crate::harness::{RunOutput, TestFolder, log};

/// Creates a table of two hours with these flags.
fn table(args: &[&str]) -> TestFolder {
    let folder = TestFolder::with_log(log("date time", &["2024-05-17 09:00:00", "2024-05-17 10:00:00"]));
    folder.converts(args);
    folder
}

fn ddl(folder: &TestFolder, args: &[&str]) -> RunOutput {
    folder.run(&[&["ddl", "lake/cf_logs"], args].concat())
}

const LOCATION: [&str; 2] = ["--location", "s3://example-bucket/lake/cf_logs"];

#[test]
fn a_table_is_created_and_its_partitions_are_added() {
    let args = [&["--database", "logs", "--table", "requests"][..], &LOCATION].concat();
    let text = ddl(&table(&[]), &args).exits(0).stdout;
    let statements: Vec<&str> = text.split_terminator(";\n").collect();
    assert_eq!(statements.len(), 2, "{text}");
    let create = statements[0];
    assert!(create.starts_with("CREATE EXTERNAL TABLE IF NOT EXISTS `logs`.`requests` ("), "{create}");
    assert!(create.contains("`logdate` date"), "{create}");
    assert!(create.contains("PARTITIONED BY (`year` string, `month` string, `day` string, `hour` string)"), "{create}");
    assert!(create.contains("STORED AS PARQUET"), "{create}");
    assert!(create.ends_with("LOCATION 's3://example-bucket/lake/cf_logs/'"), "{create}");
    let alter: Vec<&str> = statements[1].lines().collect();
    assert_eq!(alter[0], "ALTER TABLE `logs`.`requests` ADD IF NOT EXISTS");
    for (line, hour) in alter[1..].iter().zip(["09", "10"]) {
        let partition = format!("(`year`='2024', `month`='05', `day`='17', `hour`='{hour}')");
        let folder = format!("s3://example-bucket/lake/cf_logs/year=2024/month=05/day=17/hour={hour}/");
        assert_eq!(*line, format!("PARTITION {partition} LOCATION '{folder}'"));
    }
    assert_eq!(alter.len(), 3);
}

#[test]
fn without_flags_the_table_is_cf_logs_where_its_files_are() {
    let folder = table(&[]);
    let text = ddl(&folder, &[]).exits(0).stdout;
    assert!(text.starts_with("CREATE EXTERNAL TABLE IF NOT EXISTS `cf_logs` ("), "{text}");
    assert!(text.contains(&format!("LOCATION 'file://{}/'", folder.path("lake/cf_logs").display())), "{text}");
}

#[test]
fn the_partition_columns_are_those_of_the_table() {
    let text = ddl(&table(&["--partition-by", "month"]), &LOCATION).exits(0).stdout;
    assert!(text.contains("PARTITIONED BY (`year` string, `month` string)\n"), "{text}");
    assert!(text.contains("PARTITION (`year`='2024', `month`='05') LOCATION"), "{text}");
}

#[test]
fn the_table_schema_is_read_from_the_data_files() {
    let text = ddl(&table(&["--schema", "cf_logs_wide"]), &LOCATION).exits(0).stdout;
    assert!(text.contains("`requesttime` timestamp") && text.contains("`extra` map<string,string>"), "{text}");
}

#[test]
fn projection_prints_one_statement_with_properties() {
    let text = ddl(&table(&[]), &[&LOCATION[..], &["--projection"]].concat()).exits(0).stdout;
    assert_eq!(text.matches(";\n").count(), 1, "{text}");
    assert!(!text.contains("ALTER"), "{text}");
    for part in [
        "'projection.enabled'",
        "'projection.hour.digits'",
        "'storage.location.template'",
        "year=${year}/month=${month}/day=${day}/hour=${hour}",
    ] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

#[test]
fn many_partitions_need_several_statements_of_at_most_262_144_bytes() {
    let rows = (0..4000).map(|hour| format!("{}\n", 1_600_000_000 + hour * 3600));
    let folder = TestFolder::with_log("#Fields: timestamp\n".to_owned() + &rows.collect::<Vec<_>>().concat());
    folder.write("tiny.toml", "name = \"tiny\"\n[[column]]\nname = \"logdate\"\ntype = \"date\"\nderive = \"date\"\n");
    folder.converts(&["--schema", "tiny.toml"]);
    let text =
        ddl(&folder, &["--schema", "tiny.toml", "--location", "s3://example-bucket/lake/cf_logs"]).exits(0).stdout;
    let statements: Vec<&str> = text.split_terminator(";\n").collect();
    assert!(statements.len() > 2, "{}", statements.len());
    assert!(statements.iter().all(|statement| statement.len() <= 262_144));
    assert_eq!(text.matches("PARTITION (").count(), 4000);
}

#[test]
fn names_that_engines_do_not_accept_are_refused() {
    let folder = table(&[]);
    for (flag, value) in [
        ("--database", "my db"),
        ("--table", "a b"),
        ("--table", "a.b"),
        ("--table", "x`; drop"),
        ("--table", "CF_Logs"),
        ("--database", ""),
    ] {
        let ran = ddl(&folder, &[flag, value]).exits(2).says("\nhint: ").says(&format!("`{value}`"));
        let ran = ran.says("lower-case letters, digits, `_` and `-`");
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn names_may_have_hyphens_as_athena_and_glue_accept_them() {
    let args = [&["--database", "web-logs", "--table", "cf-logs-2024"][..], &LOCATION].concat();
    let text = ddl(&table(&[]), &args).exits(0).stdout;
    assert!(text.starts_with("CREATE EXTERNAL TABLE IF NOT EXISTS `web-logs`.`cf-logs-2024` ("), "{text}");
    assert!(text.contains("\nALTER TABLE `web-logs`.`cf-logs-2024` ADD IF NOT EXISTS\n"), "{text}");
}

#[test]
fn a_location_that_is_not_a_url_is_refused_and_quotes_in_it_are_escaped() {
    let folder = table(&[]);
    for bad in ["lake/cf_logs", "s3://", "s3://b/${year}"] {
        ddl(&folder, &["--location", bad]).exits(2).says("location").says("\nhint: ");
    }
    let text = ddl(&folder, &["--location", "s3://b/o'neil"]).exits(0).stdout;
    assert!(text.contains(r"LOCATION 's3://b/o\'neil/'"), "{text}");
}

#[test]
fn a_table_schema_that_differs_from_that_of_the_files_is_refused() {
    let folder = table(&[]);
    ddl(&folder, &["--schema", "cf_logs_wide"]).exits(1).says("written with table schema `cf_logs/").says("\nhint: ");
    lose_state(&folder);
    ddl(&folder, &["--schema", "cf_logs_wide"]).exits(1).says("written with table schema `cf_logs/").says("\nhint: ");
}

#[test]
fn the_state_has_the_schema_of_a_user_and_a_table_without_state_needs_its_file() {
    let folder = TestFolder::with_log(log("date time", &["2024-05-17 09:00:00"]));
    folder.write("mine.toml", "name = \"mine\"\n[[column]]\nname = \"logdate\"\ntype = \"date\"\nderive = \"date\"\n");
    folder.converts(&["--schema", "mine.toml"]);
    let text = ddl(&folder, &[]).exits(0).stdout;
    lose_state(&folder);
    ddl(&folder, &[]).exits(1).says("`mine/").says("`--schema`");
    assert_eq!(ddl(&folder, &["--schema", "mine.toml"]).exits(0).stdout, text);
}

/// Removes the state, as if only the table had been copied.
fn lose_state(folder: &TestFolder) {
    std::fs::remove_dir_all(folder.path("lake/cf_logs.lakefront")).unwrap();
}

#[test]
fn a_table_without_its_state_has_the_same_ddl() {
    let folder = table(&["--partition-by", "day"]);
    let text = ddl(&folder, &LOCATION).exits(0).stdout;
    lose_state(&folder);
    assert_eq!(ddl(&folder, &LOCATION).exits(0).stdout, text);
}

/// Returns tables with a foreign file, and the name of that file.
fn with_foreign_files() -> impl Iterator<Item = (TestFolder, &'static str)> {
    let names = [
        "note.txt",
        "year=2024/stray.parquet",
        "year=2024/part-0000000001-00000-000.parquet",
        "a=1/part-0000000001-00000-000.parquet",
        "year=2024/month=05/day=17/hour=11/part-0000000001-00000-000.parquet",
    ];
    names.into_iter().map(|name| {
        let folder = table(&[]);
        folder.write(&format!("lake/cf_logs/{name}"), "not Parquet");
        (folder, name)
    })
}

#[test]
fn a_foreign_file_is_not_in_the_ddl() {
    for (folder, name) in with_foreign_files() {
        let text = ddl(&folder, &LOCATION).exits(0).stdout;
        assert_eq!(text, ddl(&table(&[]), &LOCATION).exits(0).stdout, "{name}");
    }
}

#[test]
fn a_foreign_file_in_a_table_without_a_state_is_refused_by_name() {
    for (folder, name) in with_foreign_files() {
        lose_state(&folder);
        ddl(&folder, &[]).exits(1).says(name).says("\nhint: ");
    }
}

#[test]
fn a_table_without_data_files_is_created_without_partitions() {
    let folder = TestFolder::with_log(log("date time", &[]));
    folder.converts(&[]);
    std::fs::create_dir_all(folder.path("lake/cf_logs")).unwrap();
    let text = ddl(&folder, &LOCATION).exits(0).stdout;
    assert!(text.starts_with("CREATE EXTERNAL TABLE") && !text.contains("ALTER TABLE"), "{text}");
}

#[test]
fn a_missing_table_is_refused_by_name() {
    let folder = TestFolder::new();
    folder.run(&["ddl", "lake/cf_lgos"]).exits(1).says("cf_lgos").says("\nhint: ");
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    use std::process::Stdio;
    let folder = table(&[]);
    for args in [&["ddl", "lake/cf_logs"][..], &["schema", "cf_logs_wide"]] {
        let mut child = folder.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ran = RunOutput::from(child.wait_with_output().unwrap()).exits(0);
        assert_eq!(ran.stderr, "");
    }
}
