//! The Khronos validation layer's opinion, thread-safety checks included: nothing to report.
//!
//! Run in a child process, since layers are inserted when an instance is made. A second child
//! breaks the contract on purpose: only if that is reported does silence mean anything.

use std::process::Output;

use crate::child;

/// Runs a test under the layer: its output, and what the layer reported.
fn under_validation(test: &str) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("reports.txt");
    let settings = format!(
        "khronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG\n\
         khronos_validation.report_flags = error,warn\n\
         khronos_validation.log_filename = {}\n",
        log.display()
    );
    std::fs::write(folder.path().join("vk_layer_settings.txt"), settings).unwrap();
    let output = child::test(test)
        .env("VK_INSTANCE_LAYERS", "VK_LAYER_KHRONOS_validation")
        .env("VK_LAYER_SETTINGS_PATH", folder.path())
        .output()
        .unwrap();
    // The layer makes the file when it is loaded.
    let reports = std::fs::read_to_string(&log).unwrap_or_else(|_| {
        panic!(
            "the validation layer was not loaded; on Debian, install vulkan-validationlayers \
             ({output:?})"
        )
    });
    (output, reports)
}

#[test]
fn threads_that_keep_the_contract_are_not_reported() {
    let (output, reports) = under_validation("threads::in_a_child_under_validation");
    child::assert_passed(&output);
    assert_eq!(reports, "");
}

#[test]
fn threads_that_break_the_contract_are_reported() {
    // A collision is seen only where two calls really overlap, and the driver may crash first.
    let tries = 20;
    for _ in 0..tries {
        let (_, reports) = under_validation("threads::in_a_child_that_breaks_the_contract");
        if reports.contains("Threading") {
            return;
        }
    }
    panic!("the layer's thread-safety checks found nothing in {tries} tries");
}
