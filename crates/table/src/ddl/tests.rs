//! The DDL as a user sees it: its text, its limits, and its errors.

use lakefront_schema::TableSchema;

use super::*;

const COLUMNS: [&str; 4] = ["year", "month", "day", "hour"];

fn options() -> DdlOptions {
    DdlOptions {
        database: Some("logs".to_owned()),
        table: "requests".to_owned(),
        location: "s3://example-bucket/lake/requests".to_owned(),
        projection: false,
    }
}

fn small_schema() -> TableSchema {
    let text = "name = \"requests\"\n\
        [[column]]\nname = \"logdate\"\ntype = \"date\"\nderive = \"date\"\ncomment = \"Day of the request, UTC\"\n\
        [[column]]\nname = \"bytes\"\ntype = \"bigint\"\nfield = \"sc-bytes\"\n\
        [[column]]\nname = \"extra\"\ntype = \"map<string,string>\"\nderive = \"extra\"\ncomment = \"What's left \\\\o/\"\n";
    TableSchema::from_toml(text, "test").unwrap()
}

fn partition(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// Returns `count` partitions, one an hour from 2024-01-01 on, with 28 days in every month.
fn hours(count: usize) -> Vec<Vec<String>> {
    (0..count)
        .map(|n| {
            let (hour, day, month, year) = (n % 24, n / 24 % 28 + 1, n / 672 % 12 + 1, 2024 + n / 8064);
            vec![year.to_string(), format!("{month:02}"), format!("{day:02}"), format!("{hour:02}")]
        })
        .collect()
}

fn message(options: &DdlOptions) -> String {
    ddl(&small_schema(), &COLUMNS, &[], options).unwrap_err().to_string()
}

#[test]
fn columns_are_added_with_their_types_and_comments() {
    let columns = small_schema().columns()[1..].to_vec();
    let statement = add_columns(&columns, &options()).unwrap();
    assert_eq!(
        statement,
        r"ALTER TABLE `logs`.`requests` ADD COLUMNS (
  `bytes` bigint,
  `extra` map<string,string> COMMENT 'What\'s left \\o/'
)"
    );
    let odd = DdlOptions { table: "a b".to_owned(), ..options() };
    assert!(add_columns(&columns, &odd).is_err());
}

#[test]
fn a_small_table_reads_like_this() {
    let partitions = [
        partition(&["2024", "05", "01", "08"]),
        partition(&["2024", "05", "01", "07"]),
        partition(&["2024", "05", "01", "08"]),
    ];
    let statements = ddl(&small_schema(), &COLUMNS, &partitions, &options()).unwrap();
    assert_eq!(
        statements,
        [
            r"CREATE EXTERNAL TABLE IF NOT EXISTS `logs`.`requests` (
  `logdate` date COMMENT 'Day of the request, UTC',
  `bytes` bigint,
  `extra` map<string,string> COMMENT 'What\'s left \\o/'
)
PARTITIONED BY (`year` string, `month` string, `day` string, `hour` string)
STORED AS PARQUET
LOCATION 's3://example-bucket/lake/requests/'",
            r"ALTER TABLE `logs`.`requests` ADD IF NOT EXISTS
PARTITION (`year`='2024', `month`='05', `day`='01', `hour`='07') LOCATION 's3://example-bucket/lake/requests/year=2024/month=05/day=01/hour=07/'
PARTITION (`year`='2024', `month`='05', `day`='01', `hour`='08') LOCATION 's3://example-bucket/lake/requests/year=2024/month=05/day=01/hour=08/'",
        ]
    );
}

#[test]
fn a_projected_table_needs_one_statement() {
    let options = DdlOptions { projection: true, database: None, ..options() };
    let partitions = [partition(&["2025", "01"]), partition(&["2023", "12"])];
    let statements = ddl(&small_schema(), &["year", "month"], &partitions, &options).unwrap();
    assert_eq!(
        statements,
        [r"CREATE EXTERNAL TABLE IF NOT EXISTS `requests` (
  `logdate` date COMMENT 'Day of the request, UTC',
  `bytes` bigint,
  `extra` map<string,string> COMMENT 'What\'s left \\o/'
)
PARTITIONED BY (`year` string, `month` string)
STORED AS PARQUET
LOCATION 's3://example-bucket/lake/requests/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.year.type' = 'integer',
  'projection.year.range' = '2023,2030',
  'projection.year.digits' = '4',
  'projection.month.type' = 'integer',
  'projection.month.range' = '1,12',
  'projection.month.digits' = '2',
  'storage.location.template' = 's3://example-bucket/lake/requests/year=${year}/month=${month}/'
)"]
    );
}

#[test]
fn projection_covers_every_hour_of_every_day() {
    let options = DdlOptions { projection: true, ..options() };
    let statement = ddl(&small_schema(), &COLUMNS, &hours(1), &options).unwrap().remove(0);
    assert!(statement.contains("'projection.day.range' = '1,31'"), "{statement}");
    assert!(statement.contains("'projection.hour.range' = '0,23'"), "{statement}");
    assert!(statement.contains("'projection.hour.digits' = '2'"), "{statement}");
}

#[test]
fn projection_of_an_empty_table_misses_no_year_that_a_log_can_have() {
    let options = DdlOptions { projection: true, ..options() };
    let statement = ddl(&small_schema(), &COLUMNS, &[], &options).unwrap().remove(0);
    assert!(statement.contains("'projection.year.range' = '2008,2099'"), "{statement}");
}

#[test]
fn a_table_without_partitions_is_only_created() {
    assert_eq!(ddl(&small_schema(), &COLUMNS, &[], &options()).unwrap().len(), 1);
}

#[test]
fn five_thousand_partitions_come_in_few_statements_within_the_limit() {
    let schema = TableSchema::embedded("cf_logs_wide").unwrap();
    let statements = ddl(&schema, &COLUMNS, &hours(5000), &options()).unwrap();
    assert!(statements.iter().all(|statement| statement.len() <= MAX_STATEMENT_BYTES));
    let named: usize = statements.iter().map(|statement| statement.matches("\nPARTITION (").count()).sum();
    assert_eq!(named, 5000);
    let total: usize = statements.iter().skip(1).map(String::len).sum();
    assert_eq!(statements.len() - 1, total.div_ceil(MAX_STATEMENT_BYTES));
}

#[test]
fn a_statement_may_be_as_long_as_the_limit() {
    // Four partitions fill a statement; a byte more in the location is four bytes more in the statement.
    let lengths = (65_390..65_420).flat_map(|length| {
        let options = DdlOptions { location: format!("s3://b/{}", "x".repeat(length)), ..options() };
        ddl(&small_schema(), &COLUMNS, &hours(5), &options).unwrap()
    });
    let longest = lengths.map(|statement| statement.len()).max().unwrap();
    assert!(longest <= MAX_STATEMENT_BYTES && longest > MAX_STATEMENT_BYTES - 4, "{longest}");
}

#[test]
fn a_location_that_makes_a_statement_too_long_is_refused() {
    for (length, bytes) in [(262_000, "a statement of 262"), (300_000, "a statement of 300")] {
        let options = DdlOptions { location: format!("s3://b/{}", "x".repeat(length)), ..options() };
        let error = ddl(&small_schema(), &COLUMNS, &hours(1), &options).unwrap_err().to_string();
        assert!(error.starts_with(&format!("ddl: {bytes}")), "{error}");
    }
}

#[test]
fn quotes_and_backslashes_in_a_location_are_escaped() {
    let options = DdlOptions { location: r"s3://b/o'neil\x y/".to_owned(), ..options() };
    let statements = ddl(&small_schema(), &["year"], &[partition(&["2024"])], &options).unwrap();
    assert!(statements[0].ends_with(r"LOCATION 's3://b/o\'neil\\x y/'"), "{}", statements[0]);
    assert!(statements[1].ends_with(r"(`year`='2024') LOCATION 's3://b/o\'neil\\x y/year=2024/'"), "{}", statements[1]);
}

#[test]
fn a_location_ends_with_one_slash_regardless_of_how_it_is_given() {
    for given in ["s3://b", "s3://b/", "s3://b//"] {
        let options = DdlOptions { location: given.to_owned(), ..options() };
        assert!(ddl(&small_schema(), &COLUMNS, &[], &options).unwrap()[0].ends_with("LOCATION 's3://b/'"));
    }
    let options = DdlOptions { location: "file:///lake/t".to_owned(), ..options() };
    assert!(ddl(&small_schema(), &COLUMNS, &[], &options).unwrap()[0].ends_with("LOCATION 'file:///lake/t/'"));
}

#[test]
fn a_location_that_is_not_a_url_is_refused() {
    for bad in [
        "", "lake/t", "/lake/t", "s3:/b", "s3://", "s3:///", "s3:///b", "file:///", "://b", "S3://b", "3s://b",
        "s 3://b",
    ] {
        let text = message(&DdlOptions { location: bad.to_owned(), ..options() });
        assert_eq!(text, format!("ddl: location `{bad}`: not a URL"));
    }
}

#[test]
fn a_location_that_an_engine_would_change_is_refused() {
    let text = message(&DdlOptions { location: "s3://b/${year}/".to_owned(), ..options() });
    assert_eq!(text, "ddl: location `s3://b/${year}/`: must not contain `${`");
    let text = message(&DdlOptions { location: "s3://b/a\nb".to_owned(), ..options() });
    assert_eq!(text, r"ddl: location `s3://b/a\nb`: must not contain control characters");
}

#[test]
fn names_are_lower_case_letters_digits_underscores_and_hyphens() {
    let long = "a".repeat(256);
    for bad in ["", "cf logs", "a`b", "a.b", "a;b", "ü", "a'b", "a\"b", "a/b", "cf–logs", long.as_str()] {
        let text = message(&DdlOptions { table: bad.to_owned(), ..options() });
        let expected = "expected 1 to 255 lower-case letters, digits, `_` and `-`";
        assert_eq!(text, format!("ddl: table name `{bad}`: {expected}"));
        let text = message(&DdlOptions { database: Some(bad.to_owned()), ..options() });
        assert!(text.starts_with(&format!("ddl: database name `{bad}`: ")), "{text}");
    }
    let options = DdlOptions { table: long[1..].to_owned(), database: Some("1_db".to_owned()), ..options() };
    assert!(ddl(&small_schema(), &COLUMNS, &[], &options).is_ok());
}

#[test]
fn a_name_with_a_hyphen_is_in_backticks_in_every_statement() {
    let named = DdlOptions { database: Some("web-logs".to_owned()), table: "cf-logs-2024".to_owned(), ..options() };
    let statements = ddl(&small_schema(), &COLUMNS, &hours(1), &named).unwrap();
    assert!(statements[0].starts_with("CREATE EXTERNAL TABLE IF NOT EXISTS `web-logs`.`cf-logs-2024` (\n"));
    assert!(statements[1].starts_with("ALTER TABLE `web-logs`.`cf-logs-2024` ADD IF NOT EXISTS\n"));
    let projected = DdlOptions { database: None, projection: true, ..named };
    let statements = ddl(&small_schema(), &COLUMNS, &hours(1), &projected).unwrap();
    assert!(statements[0].starts_with("CREATE EXTERNAL TABLE IF NOT EXISTS `cf-logs-2024` (\n"));
}

#[test]
fn an_upper_case_name_comes_back_in_lower_case_if_that_is_valid() {
    let in_lower_case = |options: &DdlOptions| match ddl(&small_schema(), &COLUMNS, &[], options) {
        Err(DdlError::Name { in_lower_case, .. }) => in_lower_case,
        other => panic!("{other:?}"),
    };
    let table = |name: &str| in_lower_case(&DdlOptions { table: name.to_owned(), ..options() });
    assert_eq!(table("CF_Logs").as_deref(), Some("cf_logs"));
    assert_eq!(table("CF Logs"), None);
    let database = in_lower_case(&DdlOptions { database: Some("Web-Logs".to_owned()), ..options() });
    assert_eq!(database.as_deref(), Some("web-logs"));
}

#[test]
fn partition_columns_are_a_prefix_of_year_month_day_hour() {
    for count in 1..=4 {
        assert!(ddl(&small_schema(), &COLUMNS[..count], &[], &options()).is_ok());
    }
    let wrong: [&[&str]; 5] =
        [&[], &["month"], &["year", "day"], &["Year"], &["year", "month", "day", "hour", "minute"]];
    for columns in wrong {
        let text = ddl(&small_schema(), columns, &[], &options()).unwrap_err().to_string();
        assert_eq!(text, format!("ddl: partition columns `{}` are not possible", columns.join(",")));
    }
}

#[test]
fn a_partition_that_no_row_can_have_is_refused() {
    let wrong: [&[&str]; 9] = [
        &["2024", "05"],
        &["2024", "5", "01", "07"],
        &["2024", "13", "01", "07"],
        &["2024", "00", "01", "07"],
        &["2024", "05", "32", "07"],
        &["2024", "05", "01", "24"],
        &["2024", "05", "01", "+7"],
        &["__HIVE_DEFAULT_PARTITION__", "05", "01", "07"],
        &["2024", "05", "01", "') --"],
    ];
    for values in wrong {
        let text = ddl(&small_schema(), &COLUMNS, &[partition(values)], &options()).unwrap_err().to_string();
        let expected =
            format!("ddl: partition `{}`: expected a form like `year=2024/month=05/day=01/hour=07`", values.join("/"));
        assert_eq!(text, expected);
    }
}
