//! The border to other people's parsers.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a parser finds, or `None` where it panics: those used here return errors on purpose and panic by
/// mistake, on arithmetic with numbers out of a damaged file. The caller then drops what the parser had in
/// its hands.
pub(crate) fn parse<T>(parser: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(parser)).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_nothing_found() {
        assert_eq!(parse(|| Some(1)), Some(1));
        assert_eq!(
            parse(|| -> Option<u8> { panic!("on purpose, in a test") }),
            None
        );
    }
}
