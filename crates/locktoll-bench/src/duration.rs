//! Durations as users write them: `100us`, `75s`, `2min`, or a bare `0`.

use std::time::Duration;

/// Parses a duration; a bare `0` needs no unit.
///
/// # Errors
/// Names the text and gives examples.
pub fn parse(text: &str) -> Result<Duration, String> {
    if text.trim() == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text).map_err(|reason| {
        format!("'{text}' is not a duration ({reason}); examples: 100us, 2ms, 75s, 2min")
    })
}

/// Nanoseconds of a duration, saturating after 584 years.
pub fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
