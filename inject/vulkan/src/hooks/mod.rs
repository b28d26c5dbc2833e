//! The commands that the layer stands in for.

use core::ffi::CStr;

use ash::vk;

mod by_hand;
mod define;
#[rustfmt::skip]
mod objects;
#[rustfmt::skip]
mod recording;
#[rustfmt::skip]
mod submission;
#[rustfmt::skip]
mod unlisted;

pub(crate) use self::by_hand::destroy_device;

/// A command's name, and what stands in for it.
type Hook = (&'static CStr, unsafe extern "system" fn());

/// The next layer's functions.
pub(crate) struct Next {
    pub(crate) by_hand: by_hand::Next,
    pub(crate) objects: objects::Next,
    pub(crate) plain: Plain,
    recording: recording::Next,
    submission: submission::Next,
    unlisted: unlisted::Next,
}

/// Functions that the layer needs and does not stand in for.
pub(crate) struct Plain {
    pub(crate) create_fence: Option<vk::PFN_vkCreateFence>,
    pub(crate) wait_for_fences: Option<vk::PFN_vkWaitForFences>,
}

impl Next {
    /// # Safety
    ///
    /// `get` returns, for the name of a command, that command or nothing.
    pub(crate) unsafe fn load(get: &dyn Fn(&CStr) -> vk::PFN_vkVoidFunction) -> Self {
        // SAFETY: as the caller promises.
        unsafe {
            Next {
                by_hand: by_hand::Next::load(get),
                objects: objects::Next::load(get),
                plain: Plain {
                    create_fence: core::mem::transmute::<
                        vk::PFN_vkVoidFunction,
                        Option<vk::PFN_vkCreateFence>,
                    >(get(c"vkCreateFence")),
                    wait_for_fences: core::mem::transmute::<
                        vk::PFN_vkVoidFunction,
                        Option<vk::PFN_vkWaitForFences>,
                    >(get(c"vkWaitForFences")),
                },
                recording: recording::Next::load(get),
                submission: submission::Next::load(get),
                unlisted: unlisted::Next::load(get),
            }
        }
    }
}

/// What stands in for a command.
pub(crate) fn find(command: &CStr) -> vk::PFN_vkVoidFunction {
    [
        by_hand::HOOKS,
        recording::HOOKS,
        submission::HOOKS,
        objects::HOOKS,
        unlisted::HOOKS,
    ]
    .into_iter()
    .flatten()
    .find(|(name, _)| *name == command)
    .map(|&(_, hook)| hook)
}

/// An array that a command was given.
///
/// # Safety
///
/// `first` leads to `count` values, which live while the result is in use; or `count` is 0, or
/// `first` is null.
unsafe fn slice<'a, T>(first: *const T, count: u32) -> &'a [T] {
    if first.is_null() || count == 0 {
        return &[];
    }
    // SAFETY: as the caller promises.
    unsafe { core::slice::from_raw_parts(first, count as usize) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_command_has_two_hooks() {
        let mut seen = BTreeSet::new();
        let tables = [
            by_hand::HOOKS,
            recording::HOOKS,
            submission::HOOKS,
            objects::HOOKS,
            unlisted::HOOKS,
        ];
        for (name, _) in tables.into_iter().flatten() {
            assert!(seen.insert(name), "{name:?} is hooked twice");
        }
        assert!(find(c"vkCmdDispatch").is_some());
        assert!(find(c"vkQueueSubmit2KHR").is_some());
        assert!(find(c"vkWaitForFences").is_none());
    }
}
