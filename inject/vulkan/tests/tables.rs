//! The tables in `src/hooks/` are those of the installed registry.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[path = "../generator/mod.rs"]
mod generator;

fn hooks() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/hooks"))
}

#[test]
fn the_tables_are_what_the_registry_says() {
    let xml = generator::read(Path::new(generator::REGISTRY)).unwrap_or_else(|why| panic!("{why}"));
    let known = generator::commands_of_ash().expect("ash's source is there");
    for table in generator::tables(&xml, &known).expect("the registry is understood") {
        let path = hooks().join(table.file);
        let checked_in = fs::read_to_string(&path).expect("is checked in");
        assert!(
            checked_in == table.text,
            "{} is not what the installed registry gives (of another version?); run \
             `cargo run -p locktoll-vulkan-layer --example generate_hooks` and look at the changes",
            path.display()
        );
    }
}

/// Whatever `ash` can call and begins like a recording or a queue command is hooked.
#[test]
fn no_command_that_records_or_submits_is_left_out() {
    let mut hooked = BTreeSet::new();
    for file in [
        "recording.rs",
        "submission.rs",
        "objects.rs",
        "unlisted.rs",
        "by_hand.rs",
    ] {
        let text = fs::read_to_string(hooks().join(file)).expect("is checked in");
        for line in text.lines().filter(|line| line.starts_with("    ")) {
            let name = line
                .split("c\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            if let Some(name) = name.filter(|_| line.contains("PFN_")) {
                hooked.insert(name.to_owned());
            }
        }
    }
    let records_or_submits =
        |name: &&String| name.starts_with("vkCmd") || name.starts_with("vkQueue");
    let known = generator::commands_of_ash().expect("ash's source is there");
    let missing: Vec<_> = known
        .iter()
        .filter(records_or_submits)
        // Of another system.
        .filter(|name| !name.ends_with("ANDROID"))
        .filter(|name| !hooked.contains(*name))
        .collect();
    assert_eq!(missing, [] as [&String; 0]);
}
