"""Parses the page headers of Parquet files: readers do not show them, and old readers fail at unknown ones.

They are structs of Thrift's compact protocol; `parquet.thrift` of the Parquet format defines the numbers.
"""

from types import SimpleNamespace

DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2 = 0, 2, 3
KINDS = {DATA_PAGE: "data", DICTIONARY_PAGE: "dictionary", DATA_PAGE_V2: "data of version 2"}
ENCODINGS = {
    0: "PLAIN",
    2: "PLAIN_DICTIONARY",
    3: "RLE",
    4: "BIT_PACKED",
    5: "DELTA_BINARY_PACKED",
    6: "DELTA_LENGTH_BYTE_ARRAY",
    7: "DELTA_BYTE_ARRAY",
    8: "RLE_DICTIONARY",
    9: "BYTE_STREAM_SPLIT",
}


class Compact:
    """Reads structs of Thrift's compact protocol: each is a dictionary of its fields by number."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def number(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def value(self, kind):
        if kind in (1, 2):
            return kind == 1
        if kind == 3:
            return self.byte()
        if kind in (4, 5, 6):
            return self.number()
        if kind == 8:
            length = self.varint()
            self.at += length
            return self.data[self.at - length : self.at]
        assert kind == 12, f"no page header has a field of type {kind}"
        return self.struct()

    def struct(self):
        fields, number = {}, 0
        while head := self.byte():
            number = number + (head >> 4) if head >> 4 else self.number()
            fields[number] = self.value(head & 15)
        return fields


def pages(data, chunk):
    """Returns the pages of a column chunk, in order; `data` is the file, `chunk` pyarrow's metadata of the chunk."""
    start = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    reader = Compact(data, start)
    found = []
    while reader.at < start + chunk.total_compressed_size:
        header = reader.struct()
        kind, bytes_in_file = header[1], header[3]
        own = header[{DATA_PAGE: 5, DICTIONARY_PAGE: 7, DATA_PAGE_V2: 8}[kind]]
        levels = {ENCODINGS[own[number]] for number in (3, 4)} if kind == DATA_PAGE else set()
        encoding = ENCODINGS[own[4 if kind == DATA_PAGE_V2 else 2]]
        found.append(SimpleNamespace(kind=KINDS[kind], encoding=encoding, levels=levels))
        reader.at += bytes_in_file
    assert reader.at == start + chunk.total_compressed_size
    return found
