//! Debug files that are kept apart.

use std::fs;
use std::path::Path;
use std::process::Command;

use locktoll_symbols::Symbolizer;

use crate::build::{Told, c_program, tool};
use crate::names::{callers, truth};

/// A stripped program, and its debug file `program.debug` in the same folder.
fn split(folder: &Path, link: bool) {
    c_program(folder, "-g -Wl,--build-id");
    tool(folder, "objcopy --only-keep-debug program program.debug");
    tool(folder, "strip program");
    if link {
        tool(folder, "objcopy --add-gnu-debuglink=program.debug program");
    }
}

fn functions_only(folder: &Path, root: &Path) -> bool {
    let told = Told::run(&folder.join("program"));
    let site = Symbolizer::with_debug_root(root).call_site(&told.maps, told.address("pc"));
    site[0].function.is_none()
}

#[test]
fn by_link_beside_the_program_in_a_folder_there_and_under_the_root() {
    let root = tempfile::tempdir().unwrap();
    for place in ["", ".debug", "root"] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        split(&folder, true);
        let to = match place {
            "root" => root.path().join(folder.strip_prefix("/").unwrap()),
            below => folder.join(below),
        };
        fs::create_dir_all(&to).unwrap();
        if !place.is_empty() {
            fs::rename(folder.join("program.debug"), to.join("program.debug")).unwrap();
        }
        let told = Told::run(&folder.join("program"));
        let symbolizer = Symbolizer::with_debug_root(root.path());
        assert_eq!(callers(&symbolizer, &told), truth(), "{place}");
    }
}

#[test]
fn by_build_id() {
    let folder = tempfile::tempdir().unwrap();
    split(folder.path(), false);
    let root = tempfile::tempdir().unwrap();
    assert!(
        functions_only(folder.path(), root.path()),
        "nothing there yet"
    );
    let output = Command::new("readelf")
        .args(["-n", "program"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let notes = String::from_utf8(output.stdout).unwrap();
    let (_, id) = notes.split_once("Build ID: ").expect("a build ID");
    let id = id.split_whitespace().next().unwrap();
    let to = root.path().join(".build-id").join(&id[..2]);
    fs::create_dir_all(&to).unwrap();
    fs::copy(
        folder.path().join("program.debug"),
        to.join(format!("{}.debug", &id[2..])),
    )
    .unwrap();
    let told = Told::run(&folder.path().join("program"));
    let symbolizer = Symbolizer::with_debug_root(root.path());
    assert_eq!(callers(&symbolizer, &told), truth());
    let datum = symbolizer
        .datum(&told.maps, told.address("zeroed"))
        .unwrap();
    assert_eq!(
        datum.symbol,
        Some(("zeroed".to_owned(), 24)),
        "a static, which strip removed"
    );
}

#[test]
fn a_debug_file_of_another_build_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    split(folder.path(), true);
    let debug = folder.path().join("program.debug");
    let mut bytes = fs::read(&debug).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&debug, bytes).unwrap();
    let root = tempfile::tempdir().unwrap();
    assert!(functions_only(folder.path(), root.path()));
}
