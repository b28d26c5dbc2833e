//! Names, lines and callers, from what a compiler leaves in the program or beside it.

use std::path::Path;

use locktoll_symbols::{Frame, StackUnwinder, Symbolizer};

use crate::build::{C, CPP, RUST, Told, c_program, line_of, tool};

/// Function, line and whether it was inlined.
type Place = (String, Option<u32>, bool);

fn places(frames: &[Frame]) -> Vec<Place> {
    let place = |frame: &Frame| {
        let function = frame.function.clone().unwrap_or_default();
        (function, frame.line, frame.inlined)
    };
    frames.iter().map(place).collect()
}

/// The frames from the recorded call up to `main`, unwound from the copied stack.
pub(crate) fn callers(symbolizer: &Symbolizer, told: &Told) -> Vec<Place> {
    let stack = told.stack();
    let addresses = StackUnwinder::new(symbolizer, &told.maps).unwind(&stack);
    assert_eq!(addresses[0], stack.pc);
    let frames: Vec<Frame> = addresses
        .iter()
        .flat_map(|&address| symbolizer.call_site(&told.maps, address))
        .collect();
    let main = frames
        .iter()
        .position(|frame| frame.function.as_deref() == Some("main"))
        .unwrap_or_else(|| panic!("no main in {frames:?}"));
    places(&frames[..=main])
}

/// What a program with debug information must give.
pub(crate) fn truth() -> Vec<Place> {
    [("inlined", true), ("middle", false), ("main", false)]
        .map(|(name, inlined)| (name.to_owned(), Some(line_of(C, name)), inlined))
        .to_vec()
}

fn variables(symbolizer: &Symbolizer, told: &Told) {
    for (name, offset) in [("zeroed", 24), ("initialised", 8)] {
        let datum = symbolizer
            .datum(&told.maps, told.address(name))
            .expect(name);
        assert_eq!(datum.module, "program");
        assert_eq!(datum.symbol, Some((name.to_owned(), offset)));
    }
    let stack = symbolizer.datum(&told.maps, told.address("sp")).unwrap();
    assert_eq!((stack.module.as_str(), stack.symbol), ("[stack]", None));
}

#[test]
fn elements_and_members_of_variables_have_their_names() {
    const SOURCE: &str = "\
#include <mutex>
#include <pthread.h>
#include <cstdio>
struct Base { long base; };
struct Shard : Base { int hits; std::mutex lock; pthread_mutex_t pair[2]; static std::mutex all; };
std::mutex Shard::all;
typedef Shard Shards[4];
Shards shards;
static pthread_mutex_t grid[3][5];
struct Cache { std::mutex first; long count; } cache;
namespace deep { static const int before = 1; Shard one; }
int main() {
    static Shard within[2];
    std::printf(\"a %lx\\nb %lx\\nc %lx\\nd %lx\\n\", (long)&shards[3].lock, (long)&shards[0].pair[1],
                (long)&grid[2][4], (long)&grid[0][0]);
    std::printf(\"e %lx\\nf %lx\\ng %lx\\nh %lx\\ni %lx\\n\", (long)&cache, (long)&cache.count,
                (long)&deep::one.lock, (long)&within[1].hits, (long)&Shard::all);
    std::printf(\"j %lx\\nmaps\\n\", (long)&shards[1].lock + 4);
    std::FILE *maps = std::fopen(\"/proc/self/maps\", \"r\");
    for (int c = getc(maps); c != EOF; c = getc(maps)) putchar(c);
}
";
    for flags in [
        "-gdwarf-4",
        "-gdwarf-5",
        "-gdwarf-5 -gz",
        "-gdwarf-5 -no-pie",
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("parts.cpp"), SOURCE).unwrap();
        let line = format!("c++ -std=c++17 -g {flags} -pthread parts.cpp -o parts");
        tool(folder.path(), &line);
        let told = Told::run(&folder.path().join("parts"));
        let symbolizer = Symbolizer::new();
        for (name, variable, part) in [
            ("a", "shards", Some("[3].lock")),
            ("b", "shards", Some("[0].pair[1]")),
            ("c", "grid", Some("[2][4]")),
            ("d", "grid", Some("[0][0]")),
            // The first member goes by the variable's name.
            ("e", "cache", None),
            ("f", "cache", Some(".count")),
            ("g", "deep::one", Some(".lock")),
            ("h", "main::within", Some("[1].hits")),
            ("i", "Shard::all", None),
            ("j", "shards", Some("[1].lock+0x4")),
        ] {
            let datum = symbolizer.datum(&told.maps, told.address(name)).unwrap();
            let (symbol, _) = datum.symbol.unwrap();
            assert_eq!(
                (symbol.as_str(), datum.part.as_deref()),
                (variable, part),
                "{name} {flags}"
            );
        }
    }
}

#[test]
fn lines_inlined_functions_and_callers_of_every_kind_of_dwarf() {
    for flags in [
        "-g -gdwarf-4",
        "-g -gdwarf-5",
        "-g -gdwarf-5 -gz",
        "-g -gdwarf-4 -gsplit-dwarf",
        "-g -gdwarf-5 -gsplit-dwarf",
        "-g -gdwarf-5 -no-pie",
        "-g -gdwarf-5 -fuse-ld=gold",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let told = Told::run(&c_program(folder.path(), flags));
        let symbolizer = Symbolizer::new();
        assert_eq!(callers(&symbolizer, &told), truth(), "{flags}");
        variables(&symbolizer, &told);
        let site = symbolizer.call_site(&told.maps, told.address("pc"));
        assert!(
            site[0]
                .file
                .as_deref()
                .is_some_and(|file| file.ends_with("program.c")),
            "{flags}"
        );
        assert_eq!(site[0].module.as_deref(), Some("program"));
    }
}

#[test]
fn a_package_of_split_dwarf_serves_as_its_files_did() {
    let folder = tempfile::tempdir().unwrap();
    for version in ["4", "5"] {
        let flags = format!("-g -gdwarf-{version} -gsplit-dwarf");
        let program = c_program(folder.path(), &flags);
        let dwo = folder.path().join("program.dwo");
        assert!(dwo.exists());
        // Binutils' dwp of this age knows DWARF 4 only.
        if version == "5" {
            std::fs::remove_file(&dwo).unwrap();
            let told = Told::run(&program);
            let names: Vec<String> = callers(&Symbolizer::new(), &told)
                .into_iter()
                .map(|(name, ..)| name)
                .collect();
            assert_eq!(
                names,
                ["middle", "main"],
                "by symbols, without the split part"
            );
            continue;
        }
        tool(folder.path(), "dwp -e program -o program.dwp");
        std::fs::remove_file(&dwo).unwrap();
        let told = Told::run(&program);
        assert_eq!(callers(&Symbolizer::new(), &told), truth());
    }
}

#[test]
fn without_debug_information_there_are_still_functions() {
    let folder = tempfile::tempdir().unwrap();
    let told = Told::run(&c_program(folder.path(), "-g0"));
    let symbolizer = Symbolizer::new();
    let expected = ["middle", "main"].map(|name| (name.to_owned(), None, false));
    assert_eq!(callers(&symbolizer, &told), expected);
    variables(&symbolizer, &told);
}

#[test]
fn a_stripped_program_is_unwound_to_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let program = c_program(folder.path(), "-g0");
    let named = callers(&Symbolizer::new(), &Told::run(&program)).len();
    tool(folder.path(), "strip program");
    let told = Told::run(&program);
    let symbolizer = Symbolizer::new();
    let addresses = StackUnwinder::new(&symbolizer, &told.maps).unwind(&told.stack());
    let frames: Vec<Frame> = addresses
        .iter()
        .flat_map(|&address| symbolizer.call_site(&told.maps, address))
        .collect();
    let own = |frame: &&Frame| frame.module.as_deref() == Some("program");
    // The program's own frames, and `_start` behind the C library's.
    assert!(frames.iter().take_while(own).count() == named, "{frames:?}");
    assert!(
        frames
            .iter()
            .filter(own)
            .all(|frame| frame.function.is_none())
    );
    assert!(
        frames
            .iter()
            .any(|frame| frame.module.as_deref() == Some("libc.so.6")),
        "{frames:?}"
    );
}

#[test]
fn a_short_copy_gives_the_callers_that_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let told = Told::run(&c_program(folder.path(), "-g"));
    let symbolizer = Symbolizer::new();
    let mut stack = told.stack();
    let whole = StackUnwinder::new(&symbolizer, &told.maps).unwind(&stack);
    stack.bytes.clear();
    let none = StackUnwinder::new(&symbolizer, &told.maps).unwind(&stack);
    assert_eq!(none, [stack.pc]);
    assert!(whole.len() >= 3, "{whole:x?}");
}

fn demangled(folder: &Path, source: &str, line: &str) -> (Vec<Frame>, Told, Symbolizer) {
    let told = Told::run(&folder.join("program"));
    let symbolizer = Symbolizer::new();
    let frames = symbolizer.frames(&told.maps, told.address("pc"));
    assert_eq!(
        frames.last().unwrap().line,
        Some(line_of(source, line)),
        "{frames:?}"
    );
    (frames, told, symbolizer)
}

#[test]
fn cpp_names_are_as_in_the_source() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("program.cpp"), CPP).unwrap();
    tool(folder.path(), "c++ -g program.cpp -o program");
    let (frames, told, symbolizer) = demangled(folder.path(), CPP, "mark");
    assert_eq!(
        frames[0].function.as_deref(),
        Some("jobs::Queue<int>::mark")
    );
    let datum = symbolizer
        .datum(&told.maps, told.address("initialised"))
        .unwrap();
    assert_eq!(datum.symbol, Some(("jobs::waiting".to_owned(), 8)));
}

#[test]
fn rust_names_are_as_in_the_source() {
    for mangling in ["legacy", "v0"] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("program.rs"), RUST).unwrap();
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        let extra = match mangling {
            "legacy" => "",
            _ => "-C symbol-mangling-version=v0",
        };
        tool(
            folder.path(),
            &format!("{rustc} -g {extra} program.rs -o program"),
        );
        let (frames, ..) = demangled(folder.path(), RUST, "push");
        let name = frames[0].function.clone().unwrap_or_default();
        assert!(
            name.starts_with("program::jobs::Queue<") || name.starts_with("<program::jobs::Queue<"),
            "{mangling}: {name}"
        );
        assert!(name.ends_with("::push"), "{mangling}: {name}");
    }
}

#[test]
fn addresses_of_nothing_have_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let program = c_program(folder.path(), "-g");
    let told = Told::run(&program);
    // The program is gone when it is asked for.
    std::fs::remove_file(&program).unwrap();
    let symbolizer = Symbolizer::new();
    let gone = symbolizer.call_site(&told.maps, told.address("pc"));
    assert_eq!(
        (gone[0].function.as_deref(), gone[0].module.as_deref()),
        (None, Some("program"))
    );
    let nowhere = symbolizer.frames(&told.maps, 0x10);
    assert_eq!((nowhere.len(), nowhere[0].offset), (1, 0x10));
    assert_eq!(symbolizer.datum(&told.maps, 0x10), None);
}
