//! Reads series that people already have: CSV in long form, one value a row.
//!
//! Columns `config` and `value` are needed, `block` too for a paired analysis; `threads` and
//! `workload` split the series further. Other columns are refused, so that a mistyped header does
//! not silently change what is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Trim};

use crate::error::{Error, Result};

/// Series are compared within a regime, never across.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Regime {
    /// The `workload` column.
    pub workload: Option<String>,
    /// The `threads` column.
    pub threads: Option<u32>,
}

/// One row's value.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The `block` column, or the row's number within its series.
    pub block: String,
    /// The value.
    pub value: f64,
    /// The line in the file, from 1.
    pub line: u64,
}

/// One configuration's values in one regime, in file order.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedSeries {
    /// The regime.
    pub regime: Regime,
    /// The configuration.
    pub config: String,
    /// Its values.
    pub values: Vec<Imported>,
}

/// The columns that a file may have.
const COLUMNS: [&str; 5] = ["config", "block", "value", "threads", "workload"];

/// Reads all series of a CSV file; `path` only names it in messages.
///
/// Series come in the order in which they first appear, regimes in ascending order.
///
/// # Errors
/// Names the line and, where there is one, the column: a missing, unknown or repeated column, a
/// row of another length, text that is not UTF-8, a value that is not a finite number ≥ 0, a
/// thread count that is not a positive whole number, a block that appears twice in a series, or
/// no row at all.
pub fn read(input: impl Read, path: &Path) -> Result<Vec<ImportedSeries>> {
    let fail = |line: u64, column: Option<usize>, message: String| Error::Csv {
        path: path.into(),
        place: column.map_or_else(|| line.to_string(), |column| format!("{line}:{column}")),
        message,
    };
    let broken = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        let message = match error.kind() {
            csv::ErrorKind::UnequalLengths {
                expected_len, len, ..
            } => {
                format!("{len} fields, but the header has {expected_len}")
            }
            csv::ErrorKind::Io(source) => format!("cannot be read: {source}"),
            _ => error.to_string(),
        };
        fail(line, None, message)
    };
    let mut reader = ReaderBuilder::new()
        .trim(Trim::All)
        .comment(Some(b'#'))
        .from_reader(input);
    let header = reader.byte_headers().map_err(&broken)?.clone();
    let columns = columns(&header).map_err(|(column, message)| fail(1, column, message))?;

    let mut order: Vec<(Regime, String)> = Vec::new();
    let mut found: BTreeMap<(Regime, String), Vec<Imported>> = BTreeMap::new();
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(&broken)? {
        let line = record.position().map_or(0, csv::Position::line);
        let text = |column: usize| -> Result<&str> {
            let bytes = record.get(column).unwrap_or_default();
            std::str::from_utf8(bytes)
                .map_err(|_| fail(line, Some(column + 1), "not UTF-8 text".into()))
        };
        let optional = |column: Option<usize>| column.map(text).transpose();
        let config = text(columns.config)?;
        if config.is_empty() {
            return Err(fail(
                line,
                Some(columns.config + 1),
                "the config is empty".into(),
            ));
        }
        let value = number(text(columns.value)?)
            .map_err(|message| fail(line, Some(columns.value + 1), message))?;
        let threads = match optional(columns.threads)? {
            None | Some("") => None,
            Some(text) => Some(
                text.parse()
                    .ok()
                    .filter(|&threads| threads > 0)
                    .ok_or_else(|| {
                        let column = columns.threads.map(|column| column + 1);
                        fail(line, column, format!("'{text}' is not a number of threads"))
                    })?,
            ),
        };
        let workload = optional(columns.workload)?
            .filter(|text| !text.is_empty())
            .map(str::to_owned);
        let block = optional(columns.block)?.unwrap_or_default().to_owned();
        if columns.block.is_some() && block.is_empty() {
            let column = columns.block.map(|column| column + 1);
            return Err(fail(line, column, "the block is empty".into()));
        }
        let key = (Regime { workload, threads }, config.to_owned());
        let values = found.entry(key.clone()).or_insert_with(|| {
            order.push(key);
            Vec::new()
        });
        let block = if columns.block.is_some() {
            block
        } else {
            (values.len() + 1).to_string()
        };
        values.push(Imported { block, value, line });
    }
    if order.is_empty() {
        return Err(fail(1, None, "no rows: nothing to analyse".into()));
    }
    let mut series: Vec<ImportedSeries> = order
        .into_iter()
        .map(|key| {
            let values = found.remove(&key).unwrap_or_default();
            ImportedSeries {
                regime: key.0,
                config: key.1,
                values,
            }
        })
        .collect();
    for one in &series {
        if let Some(Imported { block, line, .. }) = repeated(&one.values) {
            let message = format!("block '{block}' of '{}' appears a second time", one.config);
            return Err(fail(*line, None, message));
        }
    }
    // A stable sort keeps the configurations of a regime in file order.
    series.sort_by(|a, b| a.regime.cmp(&b.regime));
    Ok(series)
}

/// Where each column is, from 0.
struct Columns {
    config: usize,
    value: usize,
    block: Option<usize>,
    threads: Option<usize>,
    workload: Option<usize>,
}

fn columns(header: &ByteRecord) -> Result<Columns, (Option<usize>, String)> {
    let mut at: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, bytes) in header.iter().enumerate() {
        // A byte order mark is what some spreadsheets put first.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let name = COLUMNS
            .into_iter()
            .find(|name| name.as_bytes() == bytes)
            .ok_or_else(|| {
                let found = String::from_utf8_lossy(bytes);
                let known = COLUMNS.join(", ");
                (
                    Some(index + 1),
                    format!("unknown column '{found}' in the header; known: {known}"),
                )
            })?;
        if at.insert(name, index).is_some() {
            return Err((
                Some(index + 1),
                format!("column '{name}' appears twice in the header"),
            ));
        }
    }
    let needed = |name: &str| {
        at.get(name).copied().ok_or_else(|| {
            (
                None,
                format!("no column '{name}'; the header must be config,block,value"),
            )
        })
    };
    Ok(Columns {
        config: needed("config")?,
        value: needed("value")?,
        block: at.get("block").copied(),
        threads: at.get("threads").copied(),
        workload: at.get("workload").copied(),
    })
}

fn number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if !value.is_finite() => Err(format!("'{text}' is not a finite number")),
        Ok(value) if value < 0.0 => Err(format!("'{text}' is negative; values must be ≥ 0")),
        // −0 is 0.
        Ok(value) => Ok(value.abs()),
        Err(_) => Err(format!("'{text}' is not a number")),
    }
}

fn repeated(values: &[Imported]) -> Option<&Imported> {
    let mut seen = BTreeSet::new();
    values
        .iter()
        .find(|value| !seen.insert(value.block.as_str()))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use proptest::prelude::*;

    fn from(text: &[u8]) -> Result<Vec<ImportedSeries>, String> {
        read(text, Path::new("f.csv")).map_err(|error| error.to_string())
    }

    #[test]
    fn regimes_and_configurations_are_kept_apart_and_in_order() {
        let series = from(
            b"config,block,value,threads,workload\nb,1,5,8,x\na,1,4,8,x\nb,2,6,8,x\nb,1,9,1,x\n",
        )
        .unwrap();
        let seen: Vec<_> = series
            .iter()
            .map(|s| (s.regime.threads, s.config.as_str(), s.values.len()))
            .collect();
        assert_eq!(
            seen,
            [(Some(1), "b", 1), (Some(8), "b", 2), (Some(8), "a", 1)]
        );
    }

    #[test]
    fn errors_name_line_column_and_reason() {
        for (text, expected) in [
            ("", "f.csv:1: no column 'config'"),
            ("config,block,value\n", "f.csv:1: no rows"),
            ("config,value,blokc\n", "f.csv:1:3: unknown column 'blokc'"),
            (
                "config,value,value\n",
                "f.csv:1:3: column 'value' appears twice",
            ),
            ("config,block\na,1\n", "f.csv:1: no column 'value'"),
            (
                "config,block,value\na,1,2\na,2,x\n",
                "f.csv:3:3: 'x' is not a number",
            ),
            (
                "config,block,value\na,1,NaN\n",
                "f.csv:2:3: 'NaN' is not a finite number",
            ),
            (
                "config,block,value\na,1,1e999\n",
                "f.csv:2:3: '1e999' is not a finite number",
            ),
            (
                "config,block,value\na,1,-2\n",
                "f.csv:2:3: '-2' is negative",
            ),
            (
                "config,block,value\na,1\n",
                "f.csv:2: 2 fields, but the header has 3",
            ),
            (
                "config,block,value\n,1,2\n",
                "f.csv:2:1: the config is empty",
            ),
            (
                "config,block,value\na,,2\n",
                "f.csv:2:2: the block is empty",
            ),
            (
                "config,value,threads\na,1,0\n",
                "f.csv:2:3: '0' is not a number of threads",
            ),
            (
                "config,block,value\na,1,2\na,1,3\n",
                "f.csv:3: block '1' of 'a' appears a second",
            ),
        ] {
            let error = from(text.as_bytes()).unwrap_err();
            assert!(error.starts_with(expected), "{text:?} gave {error}");
        }
        let error = from(b"config,value\n\xff,1\n").unwrap_err();
        assert!(error.starts_with("f.csv:2:1: not UTF-8"), "{error}");
    }

    #[test]
    fn marks_blanks_comments_and_missing_blocks_are_understood() {
        let series = from(b"\xef\xbb\xbfconfig, value\n# comment\n a , 1.5\na,2\n\n").unwrap();
        let blocks: Vec<_> = series[0]
            .values
            .iter()
            .map(|v| (v.block.as_str(), v.value))
            .collect();
        assert_eq!(blocks, [("1", 1.5), ("2", 2.0)]);
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = from(&bytes);
        }

        #[test]
        fn no_rows_are_lost(values in prop::collection::vec((0_u8..4, 0.0..1e300), 1..40)) {
            let mut text = String::from("config,value\n");
            for (config, value) in &values {
                writeln!(text, "c{config},{value}").unwrap();
            }
            let read: usize = from(text.as_bytes()).unwrap().iter().map(|s| s.values.len()).sum();
            prop_assert_eq!(read, values.len());
        }
    }
}
