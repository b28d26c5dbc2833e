//! Published Vulkan programs that know nothing of locktoll: with a lock slipped under them they
//! compute the same, to the last bit.

use std::path::{Path, PathBuf};

use super::guard::guarded;
use super::{stderr, stdout};

/// The interpreter that has the packages.
pub(super) fn python() -> String {
    let python = std::env::var_os("LOCKTOLL_CLIENTS_PYTHON").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/clients/bin/python3"),
        PathBuf::from,
    );
    assert!(
        python.exists(),
        "{} is not there: run scripts/test, which makes it, or name another interpreter by \
         LOCKTOLL_CLIENTS_PYTHON",
        python.display()
    );
    python.display().to_string()
}

/// The number before a word of the summary.
fn counted(summary: &str, what: &str) -> u64 {
    let words: Vec<&str> = summary.split([' ', ',', '\n']).collect();
    let place = words.iter().position(|word| *word == what);
    place
        .and_then(|place| words.get(place - 1)?.parse().ok())
        .unwrap_or_else(|| panic!("no {what} in: {summary}"))
}

/// `least` is how often the script at least submits.
fn computes_the_same(script: &str, least: u64) {
    let python = python();
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(script)
        .display()
        .to_string();
    // -B: no cache beside the sources.
    let words = [python.as_str(), "-B", script.as_str()];
    let mut bare = assert_cmd::Command::new(words[0]);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("VK_") {
            bare.env_remove(name);
        }
    }
    let bare = bare.args(&words[1..]).output().unwrap();
    assert!(bare.status.success(), "alone: {}", stderr(&bare));
    let digest = stdout(&bare);
    assert_eq!(digest.trim().len(), 64, "{digest}");
    for strategy in ["off", "none", "global", "per-encoder"] {
        let under = guarded(strategy, &words);
        let said = stderr(&under);
        assert_eq!(under.status.code(), Some(0), "{strategy}: {said}");
        assert_eq!(stdout(&under), digest, "{strategy}: {said}");
        let summary = said
            .split_once(&format!("locktoll: {strategy} under process"))
            .unwrap_or_else(|| panic!("{strategy}: no layer: {said}"))
            .1;
        if strategy == "off" {
            let hooked_nothing = summary.contains("calls are not counted");
            assert!(hooked_nothing, "{said}");
        } else {
            let submissions = counted(summary, "submissions");
            assert!(submissions >= least, "{strategy}: {said}");
        }
    }
}

#[test]
fn wgpu_computes_the_same() {
    // 4 threads with 8 rounds each.
    computes_the_same("wgpu_compute.py", 4 * 8);
}

#[test]
fn ncnn_infers_the_same() {
    // 4 threads with 4 rounds each.
    computes_the_same("ncnn_inference.py", 4 * 4);
}
