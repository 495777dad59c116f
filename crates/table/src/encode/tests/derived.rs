//! Columns that follow from the user agent: right for every row, with and without a dictionary of user agents.

use arrow::array::Array as _;
use lakefront_schema::row_block::Derive;

use super::{
    in_text::in_text,
    round_trip::{Kind, Random, read, string},
    *,
};

/// A function that is simple, has few results, and knows NULL.
#[derive(Debug)]
pub(super) struct ByLength;

impl Derive for ByLength {
    fn derive(&self, value: Option<&str>) -> Arc<[Box<str>]> {
        let length = value.map_or_else(|| "none".to_owned(), |value| format!("{} bytes", value.len() % 50));
        let first = value.and_then(|value| value.chars().next()).map_or_else(String::new, String::from);
        let is_long = value.is_some_and(|value| value.len() > 12);
        Arc::from([length.into(), first.into(), is_long.to_string().into()])
    }
}

/// Replaces the columns that follow from user agents by what [`ByLength`] says.
pub(super) fn with_derived(mut block: RowBlock, schema: &TableSchema) -> RowBlock {
    let Some(source) = schema.user_agents() else { return block };
    for (index, column) in schema.columns().iter().enumerate() {
        let ColumnSource::Derived(derivation) = column.source else { continue };
        let place = Derivation::OF_USER_AGENT.iter().position(|of| *of == derivation);
        if let Some(place) = place {
            block.set_column(index, BlockColumn::Of(DerivedColumn { source, by: Arc::new(ByLength), place }));
        }
    }
    block
}

/// Returns a table schema whose last column has no dictionary.
fn schema() -> Arc<TableSchema> {
    let toml = "name = \"agents\"\n\
        [[column]]\nname = \"isbot\"\ntype = \"string\"\nderive = \"isbot\"\n\
        [[column]]\nname = \"useragent\"\ntype = \"string\"\nfield = \"cs(User-Agent)\"\n\
        [[column]]\nname = \"browserfamily\"\ntype = \"string\"\nderive = \"browserfamily\"\n\
        [[column]]\nname = \"osfamily\"\ntype = \"string\"\nderive = \"osfamily\"\ndictionary = false\n";
    Arc::new(TableSchema::from_toml(toml, "agents.toml").unwrap())
}

/// Encodes user agents in calls of these numbers of rows; returns the file.
fn encode(agents: &StringViewArray, is_in_text: bool, at_once: &[usize]) -> Vec<u8> {
    let schema = schema();
    let options = EncodeOptions { schema: Arc::clone(&schema), ..(*options(DEFAULT_MAX_FILE_BYTES)).clone() };
    let mut encoder = TaskEncoder::try_new(Arc::new(options), PartitionBy::Hour, TASK, InMemory).unwrap();
    let nothing: ArrayRef = Arc::new(StringViewArray::new_null(agents.len()));
    let agents: ArrayRef = Arc::new(agents.clone());
    let columns = vec![Arc::clone(&nothing), agents, Arc::clone(&nothing), nothing];
    let rows = RecordBatch::try_new(schema.arrow_schema(), columns).unwrap();
    let (mut start, mut sizes) = (0, at_once.iter().cycle());
    while start < rows.num_rows() {
        let count = (*sizes.next().unwrap()).min(rows.num_rows() - start);
        let (piece, hours) = (rows.slice(start, count), vec![HOUR; count]);
        let block = if is_in_text { in_text(&piece, &hours) } else { RowBlock::of_arrays(&piece, &hours) };
        encoder.write(&with_derived(block, &schema), &OneByOne).unwrap();
        start += count;
    }
    finish(encoder).remove(0).file
}

#[test]
fn values_follow_from_the_user_agent_in_every_row() {
    const ROWS: usize = 60_000;
    let mut random = Random::of_seed(5);
    let mut agents = |kind: &dyn Fn(usize) -> Kind, is_null: &dyn Fn(usize) -> bool| -> StringViewArray {
        (0..ROWS).map(|row| (!is_null(row)).then(|| string(&mut random, kind(row)))).collect()
    };
    let never = |_: usize| false;
    let few = agents(&|_| Kind::Few, &never);
    let unique = agents(&|_| Kind::Unique, &never);
    let filling = agents(&|row| if row < 21_000 { Kind::Few } else { Kind::Unique }, &never);
    let with_nulls = agents(&|_| Kind::Few, &|row| row % 7 == 3);
    let filling_with_nulls =
        agents(&|row| if row < 21_000 { Kind::Few } else { Kind::Unique }, &|row| row > 50 && row % 3 == 0);
    let unique_with_nulls = agents(&|_| Kind::Unique, &|row| row % 5 == 1);
    let only_nulls = agents(&|_| Kind::Few, &|_| true);
    let all = [few, unique, filling, with_nulls, filling_with_nulls, unique_with_nulls, only_nulls];
    for (case, agents) in all.iter().enumerate() {
        let file = encode(agents, false, &[1000]);
        let found = read(&file, &schema().arrow_schema());
        for row in 0..ROWS {
            let agent = agents.is_valid(row).then(|| agents.value(row));
            let values = ByLength.derive(agent);
            let cell = |column: usize| found.column(column).as_string_view();
            assert_eq!(cell(1).is_valid(row).then(|| cell(1).value(row)), agent, "case {case}, row {row}");
            assert_eq!(cell(0).value(row), &*values[2], "case {case}, row {row}");
            assert_eq!(cell(2).value(row), &*values[0], "case {case}, row {row}");
            assert_eq!(cell(3).value(row), &*values[1], "case {case}, row {row}");
        }
        assert_eq!([0, 2, 3].map(|column| found.column(column).null_count()), [0, 0, 0]);
        let has_dictionary = |column| metadata(&file).row_group(0).column(column).dictionary_page_offset().is_some();
        assert_eq!([0, 2, 3].map(has_dictionary), [true, true, false], "case {case}");
        for (is_in_text, at_once) in [(true, &[1000][..]), (true, &[1, 33, 5000]), (false, &[7, 2048, 1])] {
            assert!(encode(agents, is_in_text, at_once) == file, "case {case}: bytes depend on how rows come");
        }
    }
}
