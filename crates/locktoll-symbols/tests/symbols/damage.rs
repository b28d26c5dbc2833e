//! Files and stacks with anything in them.

use std::fmt::Write as _;
use std::fs;
use std::sync::OnceLock;

use locktoll_symbols::{Maps, StackCopy, StackUnwinder, Symbolizer};
use proptest::prelude::*;

use crate::build::{Told, c_program};

struct Whole {
    program: Vec<u8>,
    debug: String,
    pc: u64,
    datum: u64,
    stack: StackCopy,
}

/// A program's bytes, and its mappings with its name left open.
fn whole() -> &'static Whole {
    static WHOLE: OnceLock<Whole> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let program = c_program(folder.path(), "-g -gdwarf-5");
        let told = Told::run(&program);
        let mut debug = String::new();
        for mapping in told
            .maps
            .iter()
            .filter(|mapping| mapping.file() == Some(&program))
        {
            let execute = if mapping.executable { 'x' } else { '-' };
            let (start, end, offset) = (mapping.start, mapping.end, mapping.offset);
            // Writing to a String cannot fail.
            let _ = writeln!(
                debug,
                "{start:x}-{end:x} r-{execute}p {offset:x} 00:00 0 PROGRAM"
            );
        }
        Whole {
            program: fs::read(&program).unwrap(),
            debug,
            pc: told.address("pc"),
            datum: told.address("zeroed"),
            stack: told.stack(),
        }
    })
}

/// Everything that can be asked of a program with these bytes.
fn ask(bytes: &[u8], stack: &StackCopy) {
    let whole = whole();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    fs::write(&path, bytes).unwrap();
    let text = whole.debug.replace("PROGRAM", path.to_str().unwrap());
    let maps = Maps::parse(text.as_bytes()).unwrap();
    let symbolizer = Symbolizer::new();
    assert!(!symbolizer.call_site(&maps, whole.pc).is_empty());
    symbolizer.datum(&maps, whole.datum);
    let addresses = StackUnwinder::new(&symbolizer, &maps).unwind(stack);
    assert_eq!(addresses[0], stack.pc);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_programs_are_taken(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = whole().program.clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        ask(&bytes, &whole().stack);
    }

    #[test]
    fn damaged_tables_of_sections_are_taken(
        changes in prop::collection::vec((0_usize..64 * 40, any::<u8>()), 1..6),
    ) {
        let mut bytes = whole().program.clone();
        // The table of sections stands last in the file.
        let end = bytes.len();
        for (at, value) in changes {
            bytes[end - 1 - at] = value;
        }
        ask(&bytes, &whole().stack);
    }

    #[test]
    fn any_stack_is_taken(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        registers: [u64; 3],
        near in any::<bool>(),
    ) {
        let [pc, sp, fp] = registers;
        let pc = if near { whole().pc } else { pc };
        ask(&whole().program, &StackCopy { pc, sp, fp, bytes });
    }
}
