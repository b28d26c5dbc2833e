//! What is read off a run of a user's program.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a run of a program is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Where the value comes from.
    #[serde(with = "crate::as_text")]
    pub source: Source,
    /// Whether a lower printed value is better, as times are. Only for [`Source::Pattern`].
    pub lower_is_better: bool,
    /// Unit of the printed value, for display. Only for [`Source::Pattern`].
    pub unit: Option<String>,
}

/// Where a run's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// How long the run took; the value is runs per second.
    Wall,
    /// Vulkan submissions per second of the run.
    Submits,
    /// Vulkan dispatches and draws per second of the run.
    Dispatches,
    /// A number that the program prints: the first capture group of this regular expression, or
    /// else all that it matches.
    Pattern(String),
}

const PATTERN: &str = "regex:";

impl Measure {
    /// Runs per second.
    pub fn wall() -> Self {
        Self {
            source: Source::Wall,
            lower_is_better: false,
            unit: None,
        }
    }

    /// Whether the value is counted by the layer, so that a run without it has none.
    pub fn needs_layer(&self) -> bool {
        matches!(self.source, Source::Submits | Source::Dispatches)
    }

    /// Whether a lower value is better.
    pub fn lower_is_better(&self) -> bool {
        self.lower_is_better
    }

    /// Unit of the value.
    pub fn unit(&self) -> &str {
        match &self.source {
            Source::Wall => "runs/s",
            Source::Submits => "submits/s",
            Source::Dispatches => "dispatches/s",
            Source::Pattern(_) => self.unit.as_deref().unwrap_or("value"),
        }
    }

    /// The value in words.
    pub fn describe(&self) -> String {
        match &self.source {
            Source::Wall => "runs per second of wall time".to_owned(),
            Source::Submits => "Vulkan submissions per second of wall time".to_owned(),
            Source::Dispatches => "Vulkan dispatches and draws per second of wall time".to_owned(),
            Source::Pattern(pattern) => {
                format!("the number that the program prints where `{pattern}` matches")
            }
        }
    }

    /// Checks what the types cannot.
    ///
    /// # Errors
    /// The pattern is no regular expression; a unit or a direction is given to a value that has
    /// its own.
    pub fn check(&self) -> Result<()> {
        match &self.source {
            Source::Pattern(_) => self.pattern().map(|_| ()),
            source if self.lower_is_better || self.unit.is_some() => Err(Error::Plan(format!(
                "--measure {source} is a rate: --lower-is-better and --unit go with regex: only"
            ))),
            _ => Ok(()),
        }
    }

    /// The compiled pattern, where there is one.
    ///
    /// # Errors
    /// It is no regular expression.
    pub fn pattern(&self) -> Result<Option<regex::Regex>> {
        match &self.source {
            Source::Pattern(pattern) => regex::RegexBuilder::new(pattern)
                .multi_line(true)
                .build()
                .map(Some)
                .map_err(|error| Error::Plan(format!("--measure {}: {error}", self.source))),
            _ => Ok(None),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wall => f.write_str("wall"),
            Self::Submits => f.write_str("submits"),
            Self::Dispatches => f.write_str("dispatches"),
            Self::Pattern(pattern) => write!(f, "{PATTERN}{pattern}"),
        }
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "wall" => Ok(Self::Wall),
            "submits" => Ok(Self::Submits),
            "dispatches" => Ok(Self::Dispatches),
            _ => text
                .strip_prefix(PATTERN)
                .map(|pattern| Self::Pattern(pattern.to_owned()))
                .ok_or_else(|| {
                    format!("'{text}' is not wall, submits, dispatches or regex:PATTERN")
                }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(text: &str) -> Measure {
        Measure {
            source: text.parse().unwrap(),
            ..Measure::wall()
        }
    }

    #[test]
    fn names_read_as_they_are_written() {
        for text in ["wall", "submits", "dispatches", r"regex:([\d.]+) tok/s"] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        assert!("walls".parse::<Source>().unwrap_err().contains("'walls'"));
    }

    #[test]
    fn a_broken_pattern_is_refused_with_its_reason() {
        let error = measure("regex:(").check().unwrap_err().to_string();
        assert!(error.contains("unclosed group"), "{error}");
        assert!(measure("regex:x").check().is_ok());
    }

    #[test]
    fn a_rate_has_its_own_direction_and_unit() {
        let mut wall = Measure::wall();
        assert!(wall.check().is_ok());
        wall.lower_is_better = true;
        assert!(wall.check().is_err());
    }
}
