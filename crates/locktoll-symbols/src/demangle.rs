//! C++ and Rust names as in the source.

use cpp_demangle::{DemangleOptions, ParseOptions, Symbol};

/// Names longer than this stay as they are: demangling may multiply their length.
const LONGEST: usize = 4096;
/// Types within types that a name may have before its parser gives up.
const DEEPEST: u32 = 96;

/// A symbol's name as its source has it: Rust without the hash, C++ with its arguments left out; other
/// names stay as they are.
///
/// ```
/// use locktoll_symbols::demangle;
/// assert_eq!(demangle("_ZN5Queue4pushEi"), "Queue::push");
/// assert_eq!(demangle("_ZN4core3ptr8drop_box17h0123456789abcdefE"), "core::ptr::drop_box");
/// assert_eq!(demangle("take_gil"), "take_gil");
/// ```
pub fn demangle(name: &str) -> String {
    if name.len() > LONGEST {
        return name.to_owned();
    }
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        return format!("{rust:#}");
    }
    // Only what is certainly C++: C functions may well be called `f` or `i`, which are C++ types.
    if !name.starts_with("_Z") {
        return name.to_owned();
    }
    let limits = ParseOptions::default().recursion_limit(DEEPEST);
    let short = DemangleOptions::new().no_params().no_return_type();
    Symbol::new_with_options(name, &limits)
        .ok()
        .and_then(|symbol| symbol.demangle_with_options(&short).ok())
        .unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_three_languages() {
        for (mangled, plain) in [
            ("_ZNSt5mutex4lockEv", "std::mutex::lock"),
            ("_ZN3foo3barILi3EEEvRKT_", "foo::bar<3>"),
            (
                "_RNvNtCs5l0EXMQXRMU_21rustc_data_structures17obligation_forest3new",
                "rustc_data_structures::obligation_forest::new",
            ),
            ("f", "f"),
            ("_Zbroken", "_Zbroken"),
            ("", ""),
        ] {
            assert_eq!(demangle(mangled), plain);
        }
    }

    proptest! {
        #[test]
        fn any_name_is_taken(name in "(_Z|_R|_ZN)?[A-Za-z0-9_$.]{0,60}|.{0,40}") {
            demangle(&name);
        }
    }
}
