//! The embedded table schemas, fingerprints, and schemas that extend others.

use super::*;
use crate::column::{ColumnType, Derivation};

fn embedded(name: &str) -> TableSchema {
    TableSchema::embedded(name).unwrap()
}

/// Returns one line per column: name, type and source.
fn listing(columns: &[Column]) -> String {
    let mut out = String::new();
    for column in columns {
        let source = match &column.source {
            ColumnSource::Field(field) => field.clone(),
            ColumnSource::Derived(derivation) => format!("derived {}", derivation.word()),
        };
        writeln!(out, "{} {} {source}", column.name, column.sql_type()).unwrap();
    }
    out
}

#[test]
fn cf_logs_is_the_table_of_the_original_post() {
    let expected = "\
logdate date derived date
logtime string derived time
location string x-edge-location
bytes bigint sc-bytes
requestip string c-ip
method string cs-method
host string cs(Host)
uri string cs-uri-stem
status bigint sc-status
referrer string cs(Referer)
useragent string cs(User-Agent)
uriquery string cs-uri-query
cookie string cs(Cookie)
resulttype string x-edge-result-type
requestid string x-edge-request-id
header string x-host-header
csprotocol string cs-protocol
csbytes string cs-bytes
timetaken bigint time-taken
forwardedfor string x-forwarded-for
sslprotocol string ssl-protocol
sslcipher string ssl-cipher
responseresulttype string x-edge-response-result-type
protocolversion string cs-protocol-version
browserfamily string derived browserfamily
osfamily string derived osfamily
isbot string derived isbot
filename string derived filename
distribution string derived distribution
";
    assert_eq!(listing(embedded("cf_logs").columns()), expected);
}

#[test]
fn cf_logs_wide_adds_everything_else_typed() {
    let expected = "\
requesttime timestamp derived requesttime
timetakenseconds double time-taken
csbytescount bigint cs-bytes
flestatus string fle-status
fleencryptedfields bigint fle-encrypted-fields
cport int c-port
timetofirstbyte double time-to-first-byte
detailedresulttype string x-edge-detailed-result-type
contenttype string sc-content-type
contentlength bigint sc-content-len
rangestart bigint sc-range-start
rangeend bigint sc-range-end
originfbl double origin-fbl
originlbl double origin-lbl
asn bigint asn
country string c-country
cachebehavior string cache-behavior-path-pattern
tenantid string distribution-tenant-id
connectionid string connection-id
extra map<string,string> derived extra
";
    assert_eq!(listing(&embedded("cf_logs_wide").columns()[29..]), expected);
}

#[test]
fn the_first_29_columns_of_cf_logs_wide_are_cf_logs() {
    assert_eq!(&embedded("cf_logs_wide").columns()[..29], embedded("cf_logs").columns());
}

#[test]
fn every_embedded_schema_is_complete() {
    for name in TableSchema::EMBEDDED_NAMES {
        let schema = embedded(name);
        assert_eq!(schema.name(), name);
        assert!(!schema.description().is_empty());
        assert_eq!(schema.unknown_fields(), Vec::<&str>::new());
        for column in schema.columns() {
            assert!(!column.comment.is_empty(), "{} has no comment", column.name);
            assert_eq!(column.cell_decode, CellDecode::AsLogged, "{} is not as logged", column.name);
            assert_eq!(column.dictionary, !["requestid", "connectionid"].contains(&column.name.as_str()));
        }
    }
    assert_eq!(TableSchema::embedded("cf_logs.toml"), None);
}

#[test]
fn only_derived_date_and_time_are_required() {
    let schema = embedded("cf_logs_wide");
    let required: Vec<&str> =
        schema.columns().iter().filter(|column| column.is_required()).map(|column| column.name.as_str()).collect();
    assert_eq!(required, ["logdate", "logtime"]);
}

#[test]
fn fingerprints_stay_the_same_from_version_to_version() {
    assert_eq!(embedded("cf_logs").fingerprint(), "97fe68035fbc5925");
    assert_eq!(embedded("cf_logs_wide").fingerprint(), "bef9a98d3f20a061");
}

fn one_column(column: Column) -> String {
    TableSchema::new("t".to_owned(), String::new(), vec![column]).fingerprint()
}

#[test]
fn a_fingerprint_depends_on_what_changes_a_data_file_and_nothing_else() {
    let base = Column {
        name: "uri".to_owned(),
        column_type: ColumnType::String,
        source: ColumnSource::Field("cs-uri-stem".to_owned()),
        cell_decode: CellDecode::AsLogged,
        dictionary: true,
        comment: String::new(),
    };
    let same = one_column(base.clone());
    assert_eq!(same.len(), 16);
    assert!(same.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase()));

    assert_eq!(one_column(Column { comment: "the path".to_owned(), ..base.clone() }), same);
    let renamed = TableSchema::new("u".to_owned(), "another".to_owned(), vec![base.clone()]);
    assert_eq!(renamed.fingerprint(), same);

    let others = [
        Column { name: "path".to_owned(), ..base.clone() },
        Column { column_type: ColumnType::BigInt, ..base.clone() },
        Column { source: ColumnSource::Field("filename".to_owned()), ..base.clone() },
        Column { source: ColumnSource::Derived(Derivation::Filename), ..base.clone() },
        Column { cell_decode: CellDecode::Percent, ..base.clone() },
        Column { dictionary: false, ..base.clone() },
    ];
    let mut seen: Vec<String> = others.into_iter().map(one_column).chain([same]).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 7);
}

#[test]
fn a_fingerprint_depends_on_the_order_of_columns() {
    let schema = embedded("cf_logs");
    let mut reversed = schema.columns().to_vec();
    reversed.reverse();
    let reversed = TableSchema::new("cf_logs".to_owned(), String::new(), reversed);
    assert_ne!(reversed.fingerprint(), schema.fingerprint());
}

#[test]
fn a_probable_typing_error_in_a_field_is_found() {
    let text = "name = \"t\"\n\
        [[column]]\nname = \"a\"\ntype = \"string\"\nfield = \"cs-uri-stm\"\n\
        [[column]]\nname = \"b\"\ntype = \"string\"\nfield = \"cs-host\"\n\
        [[column]]\nname = \"c\"\ntype = \"string\"\nfield = \"cs(host)\"\n\
        [[column]]\nname = \"d\"\ntype = \"bigint\"\nfield = \"cs-uri-stm\"\n";
    let schema = TableSchema::from_toml(text, "t.toml").unwrap();
    assert_eq!(schema.unknown_fields(), ["cs-uri-stm", "cs(host)"]);
}

#[test]
fn a_table_schema_is_extended_by_appended_columns_alone() {
    let base = "name = \"t\"\n[[column]]\nname = \"a\"\ntype = \"string\"\nfield = \"c-ip\"\n";
    let b = "[[column]]\nname = \"b\"\ntype = \"int\"\nfield = \"sc-status\"\n";
    let schema = |text: &str| TableSchema::from_toml(text, "t").unwrap();
    let (one, two) = (schema(base), schema(&format!("{base}{b}")));
    assert_eq!(two.extends(&one), Ok(()));
    assert_eq!(one.extends(&one), Ok(()));
    assert_eq!(one.extends(&two), Err(Difference::Missing { name: "b".to_owned() }));
    let other = schema(&format!("name = \"t\"\n{b}{}", base.split_once('\n').unwrap().1));
    assert_eq!(other.extends(&one).unwrap_err().to_string(), "its column 1 is `a` with type `string`");
    let commented = schema(&format!("{base}comment = \"where from\"\n"));
    assert_eq!(commented.extends(&one), Ok(()));
    let names = |columns: &[Column]| columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(two.appended_to(&one)), ["b"]);
    assert!(one.appended_to(&one).is_empty() && one.appended_to(&two).is_empty());
}

#[test]
fn a_column_that_differs_by_a_property_alone_is_named_with_it() {
    let schema = |more: &str| {
        let column = format!("name = \"t\"\n[[column]]\nname = \"a\"\ntype = \"string\"\n{more}");
        TableSchema::from_toml(&column, "t").unwrap()
    };
    let is = schema("field = \"c-ip\"\n");
    for (other, says) in [
        ("field = \"cs-method\"\n", "its column 1 is `a` with type `string`, made from `c-ip`"),
        ("derive = \"filename\"\n", "its column 1 is `a` with type `string`, made from `c-ip`"),
        ("field = \"c-ip\"\ndecode = \"percent\"\n", "its column 1 is `a` with type `string`, with another `decode`"),
        ("field = \"c-ip\"\ndictionary = false\n", "its column 1 is `a` with type `string`, with `dictionary = true`"),
    ] {
        assert_eq!(schema(other).extends(&is).unwrap_err().to_string(), says);
    }
}
