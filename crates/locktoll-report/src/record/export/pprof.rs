//! The profile format of `pprof`: gzipped protocol buffers.
//!
//! Fields and their numbers are those of `profile.proto` in <https://github.com/google/pprof>; sample types
//! are those of Go's mutex profile, which `pprof` knows.

use std::collections::HashMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;

use crate::record::model::Record;

/// A profile.
#[derive(Clone, PartialEq, Message)]
pub struct Profile {
    /// What the values of each sample are.
    #[prost(message, repeated, tag = "1")]
    pub sample_type: Vec<ValueType>,
    /// The stacks.
    #[prost(message, repeated, tag = "2")]
    pub sample: Vec<Sample>,
    /// Places in code.
    #[prost(message, repeated, tag = "4")]
    pub location: Vec<Location>,
    /// Functions.
    #[prost(message, repeated, tag = "5")]
    pub function: Vec<Function>,
    /// All texts; the first is empty.
    #[prost(string, repeated, tag = "6")]
    pub string_table: Vec<String>,
    /// How long was recorded, in nanoseconds.
    #[prost(int64, tag = "10")]
    pub duration_nanos: i64,
    /// The sample type that is shown first, as a text.
    #[prost(int64, tag = "14")]
    pub default_sample_type: i64,
}

/// What a value is, by its place in the table of texts.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct ValueType {
    /// Its name.
    #[prost(int64, tag = "1")]
    pub r#type: i64,
    /// Its unit.
    #[prost(int64, tag = "2")]
    pub unit: i64,
}

/// One stack.
#[derive(Clone, PartialEq, Message)]
pub struct Sample {
    /// The innermost place first.
    #[prost(uint64, repeated, tag = "1")]
    pub location_id: Vec<u64>,
    /// One for each sample type.
    #[prost(int64, repeated, tag = "2")]
    pub value: Vec<i64>,
    /// Further facts.
    #[prost(message, repeated, tag = "3")]
    pub label: Vec<Label>,
}

/// A fact of a sample, by places in the table of texts.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Label {
    /// What it is.
    #[prost(int64, tag = "1")]
    pub key: i64,
    /// Its text.
    #[prost(int64, tag = "2")]
    pub str: i64,
}

/// A place in code.
#[derive(Clone, PartialEq, Message)]
pub struct Location {
    /// Not 0.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// The functions there.
    #[prost(message, repeated, tag = "4")]
    pub line: Vec<Line>,
}

/// A line of a function.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Line {
    /// The function.
    #[prost(uint64, tag = "1")]
    pub function_id: u64,
}

/// A function.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Function {
    /// Not 0.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// Its name, by its place in the table of texts.
    #[prost(int64, tag = "2")]
    pub name: i64,
}

/// The texts of a profile, each once.
#[derive(Default)]
struct Texts {
    all: Vec<String>,
    places: HashMap<String, i64>,
}

impl Texts {
    fn place(&mut self, text: &str) -> i64 {
        if let Some(&place) = self.places.get(text) {
            return place;
        }
        let place = i64::try_from(self.all.len()).unwrap_or(0);
        self.all.push(text.to_owned());
        self.places.insert(text.to_owned(), place);
        place
    }
}

/// Waits by call stack, as a gzipped profile with the sample types `contentions` and `delay`.
///
/// # Errors
/// None that memory does not give.
pub fn to_pprof(record: &Record) -> std::io::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&profile(record).encode_to_vec())?;
    gzip.finish()
}

fn profile(record: &Record) -> Profile {
    let mut texts = Texts::default();
    texts.place("");
    let mut value_type = |name: &str, unit: &str| ValueType {
        r#type: texts.place(name),
        unit: texts.place(unit),
    };
    let sample_type = vec![
        value_type("contentions", "count"),
        value_type("delay", "nanoseconds"),
    ];
    let default_sample_type = sample_type[1].r#type;
    let mut ids: HashMap<i64, u64> = HashMap::new();
    let mut sample = Vec::new();
    for stack in &record.stacks {
        let mut location_id: Vec<u64> = Vec::new();
        for frame in stack.frames.iter().rev() {
            let name = texts.place(frame);
            let next = ids.len() as u64 + 1;
            location_id.push(*ids.entry(name).or_insert(next));
        }
        sample.push(Sample {
            location_id,
            value: vec![whole(stack.waits), whole(stack.wait_ns)],
            label: vec![Label {
                key: texts.place("lock"),
                str: texts.place(&stack.lock),
            }],
        });
    }
    let mut function: Vec<Function> = ids
        .into_iter()
        .map(|(name, id)| Function { id, name })
        .collect();
    function.sort_by_key(|function| function.id);
    let location = function
        .iter()
        .map(|&Function { id, .. }| Location {
            id,
            line: vec![Line { function_id: id }],
        })
        .collect();
    Profile {
        sample_type,
        sample,
        location,
        function,
        string_table: texts.all,
        duration_nanos: i64::try_from(record.run.wall_ns).unwrap_or(i64::MAX),
        default_sample_type,
    }
}

/// To the nearest whole number; what is too large becomes the largest.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast of a float saturates"
)]
fn whole(value: f64) -> i64 {
    value.round() as i64
}
