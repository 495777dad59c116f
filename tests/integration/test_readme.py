"""The DuckDB blocks of README.md run unchanged."""

import duckdb

from harness import lakefront, loggen, readme_blocks


def test_the_duckdb_blocks_run(tmp_path, monkeypatch):
    loggen(tmp_path / "logs", hours=3, rows_per_file=200)
    lakefront("convert", tmp_path / "logs", tmp_path / "lake" / "cf_logs", "-q")
    monkeypatch.chdir(tmp_path)
    connection = duckdb.connect()
    for block in readme_blocks("sql duckdb"):
        connection.execute(block)
    assert connection.fetchall(), "the last block finds no row"
