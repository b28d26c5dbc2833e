//! The methods that are replaced: one table, selector by selector.
//!
//! A line such as
//!
//! ```text
//! encode "setBuffer:offset:atIndex:" (Id, UInt, UInt);
//! ```
//!
//! names the rule (see [`rules`](crate::rules)), the selector, and the types of its arguments and of
//! what it returns. From it come the wrapper and the encoding that the wrapper was compiled for, so
//! that the two cannot disagree; the latter is compared with the runtime's own before a method is
//! replaced.
//!
//! # Why there are copies of each wrapper
//!
//! A wrapper must know which method it stands for: that of one class, not of the object's. Where a
//! method calls `[super …]`, one object meets two guarded methods of one selector, and a look-up by
//! the object's class would find the first one again, without end. A wrapper is given nothing but the
//! object and the selector. So there are [`COPIES`] of each, which differ in the slot that they read
//! the original from, and each class that has the method takes one. A copy is a few instructions:
//! what is done under the lock is there once for a line. Code made at run time would need none, but
//! hardened programs on macOS may not make any.

use core::ffi::CStr;
use core::sync::atomic::{AtomicPtr, Ordering};
use std::ptr;

use objc2::encode::{Encode, EncodeReturn, Encoding};
use objc2::runtime::{AnyClass, Imp};

mod acceleration_structure;
mod blit;
mod command_buffer;
mod compute;
mod parallel_render;
mod queue;
mod render;
mod resource_state;
pub(crate) mod types;

/// How many classes of one process can have a method of one line replaced. A driver has one or two
/// (its own and one for validation), the capture and debug tools of the system two more, and a
/// machine may have two GPUs.
pub(crate) const COPIES: usize = 8;

/// What a class is for: which part of the table it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Command queues.
    Queue,
    /// Command buffers.
    CommandBuffer,
    /// Compute encoders.
    Compute,
    /// Blit encoders.
    Blit,
    /// Render encoders.
    Render,
    /// Parallel render encoders.
    ParallelRender,
    /// Resource state encoders.
    ResourceState,
    /// Acceleration structure encoders.
    AccelerationStructure,
}

/// What is done round the original method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A call of an encoder.
    Encode,
    /// The program's end of an encoder.
    End,
    /// The driver's own end of an encoder.
    EndLate,
    /// An encoder's inner end.
    Destroy,
    /// The end of an encoder's memory.
    Dealloc,
    /// A command buffer makes an encoder.
    Factory,
    /// A parallel encoder makes one of its encoders.
    Split,
    Commit,
    /// An event is encoded into a command buffer.
    Event,
    /// The end of a command buffer's memory.
    Retire,
    /// A queue makes a command buffer.
    Supply,
}

/// A line of the table.
pub(crate) struct Row {
    pub(crate) rule: Rule,
    /// Of which group what it makes is.
    pub(crate) makes: Option<Group>,
    pub(crate) selector: &'static CStr,
    /// What it returns, then the object, the selector, and the arguments.
    pub(crate) types: &'static [Encoding],
    pub(crate) wrappers: [Imp; COPIES],
    pub(crate) slots: &'static [Slot; COPIES],
}

/// What one copy of a wrapper stands for.
///
/// Invariant: `original` is null until [`set`](Self::set), and from then on always a method that has
/// the types of the slot's line.
pub(crate) struct Slot {
    original: AtomicPtr<()>,
    class: AtomicPtr<AnyClass>,
}

impl Slot {
    pub(crate) const fn new() -> Self {
        Slot {
            original: AtomicPtr::new(ptr::null_mut()),
            class: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// The original method, as a pointer to a function.
    #[inline]
    pub(crate) fn original(&self) -> *const () {
        // Pairs with `set`: who runs a wrapper has found it in a method table, into which it came
        // later, under the runtime's lock.
        self.original.load(Ordering::Relaxed)
    }

    pub(crate) fn class(&self) -> *const AnyClass {
        self.class.load(Ordering::Relaxed)
    }

    /// Gives the slot to a class. `original` has the types of the slot's line, which the caller has
    /// compared.
    pub(crate) fn set(&self, class: &'static AnyClass, original: Imp) {
        self.class
            .store(ptr::from_ref(class).cast_mut(), Ordering::Relaxed);
        self.original
            .store((original as *const ()).cast_mut(), Ordering::Relaxed);
    }

    /// Takes the slot back from a class whose table its copy never came into.
    pub(crate) fn clear(&self) {
        self.class.store(ptr::null_mut(), Ordering::Relaxed);
    }
}

impl Row {
    /// The signature in the form in which it is compared.
    pub(crate) fn encoding(&self) -> String {
        let text: String = self.types.iter().map(Encoding::to_string).collect();
        crate::encoding::canonical(&text).unwrap_or_default()
    }
}

impl Group {
    /// All groups.
    pub const ALL: [Group; 8] = [
        Group::Queue,
        Group::CommandBuffer,
        Group::Compute,
        Group::Blit,
        Group::Render,
        Group::ParallelRender,
        Group::ResourceState,
        Group::AccelerationStructure,
    ];

    pub(crate) fn rows(self) -> &'static [Row] {
        match self {
            Group::Queue => queue::ROWS,
            Group::CommandBuffer => command_buffer::ROWS,
            Group::Compute => compute::ROWS,
            Group::Blit => blit::ROWS,
            Group::Render => render::ROWS,
            Group::ParallelRender => parallel_render::ROWS,
            Group::ResourceState => resource_state::ROWS,
            Group::AccelerationStructure => acceleration_structure::ROWS,
        }
    }

    /// As people say it.
    pub fn name(self) -> &'static str {
        match self {
            Group::Queue => "command queue",
            Group::CommandBuffer => "command buffer",
            Group::Compute => "compute encoder",
            Group::Blit => "blit encoder",
            Group::Render => "render encoder",
            Group::ParallelRender => "parallel render encoder",
            Group::ResourceState => "resource state encoder",
            Group::AccelerationStructure => "acceleration structure encoder",
        }
    }
}

/// The encoding of a type.
pub(crate) const fn encoding_of<T: Encode>() -> Encoding {
    T::ENCODING
}

/// The encoding of what is returned.
pub(crate) const fn encoding_of_returned<T: EncodeReturn>() -> Encoding {
    T::ENCODING_RETURN
}

/// The rows of a group, from the lines of a table.
macro_rules! define {
    (
        $( $rule:ident $(($makes:ident))? $selector:literal ($($type:ident),*) $(-> $returned:ident)?; )*
    ) => {
        pub(super) static ROWS: &[super::Row] = &[ $(
            super::named! {
                [$rule [$($makes)?] $selector [$($returned)?]]
                [] [$($type)*] [a b c d e f g h i j k]
            }
        ),* ];
    };
}

/// Gives each type of a list a name from another list, and hands all to [`row`].
macro_rules! named {
    ([$($line:tt)*] [$($done:tt)*] [$type:ident $($types:ident)*] [$name:ident $($names:ident)*]) => {
        super::named! { [$($line)*] [$($done)* $name: $type,] [$($types)*] [$($names)*] }
    };
    ([$rule:ident [$($makes:ident)?] $selector:literal [$($returned:ident)?]]
     [$($name:ident: $type:ident,)*] [] [$($unused:ident)*]) => {
        super::row! {
            $rule [$($makes)?] $selector ($($name: $type),*)
            (super::returned!($($returned)?))
        }
    };
}

/// What a method returns.
macro_rules! returned {
    () => {
        ()
    };
    ($type:ident) => {
        $type
    };
}

/// A row with its wrappers.
macro_rules! row {
    ($rule:ident [$($makes:ident)?] $selector:literal
     ($($name:ident: $type:ident),*) ($returned:ty)) => {{
        use crate::protection::Protection;
        use super::{COPIES, Row, Rule, Slot, encoding_of, encoding_of_returned};

        type Original = unsafe extern "C-unwind" fn(Id, Sel $(, $type)*) -> $returned;

        static SLOTS: [Slot; COPIES] = [const { Slot::new() }; COPIES];

        /// Stands in a method table.
        unsafe extern "C-unwind" fn wrapper<const COPY: usize>(
            this: Id, selector: Sel $(, $name: $type)*
        ) -> $returned {
            // SAFETY: by the invariant of `Slot`; it was set before this came into a table.
            let original = unsafe {
                core::mem::transmute::<*const (), Original>(SLOTS[COPY].original())
            };
            match Protection::current() {
                // SAFETY: as this was called.
                None => unsafe { original(this, selector $(, $name)*) },
                // SAFETY: likewise.
                Some(protection) => unsafe {
                    guarded(this, selector $(, $name)*, protection, original)
                },
            }
        }

        /// What all copies share; out of line, so that a copy is small.
        #[inline(never)]
        unsafe extern "C-unwind" fn guarded(
            this: Id, selector: Sel $(, $name: $type)*,
            protection: &'static Protection, original: Original,
        ) -> $returned {
            // SAFETY: as the wrapper was called.
            let call = || unsafe { original(this, selector $(, $name)*) };
            super::apply!($rule [$($makes)?] protection, this, selector, call)
        }

        Row {
            rule: super::rule!($rule),
            makes: super::makes!($($makes)?),
            selector: match core::ffi::CStr::from_bytes_with_nul(
                concat!($selector, "\0").as_bytes(),
            ) {
                Ok(selector) => selector,
                Err(_) => c"",
            },
            types: &[
                encoding_of_returned::<$returned>(), encoding_of::<Id>(), encoding_of::<Sel>()
                $(, encoding_of::<$type>())*
            ],
            // SAFETY: function pointers are all alike until they are called, and callers know this
            // one by its row's types.
            wrappers: unsafe { [
                super::imp!(wrapper<0> ($($type),*) $returned),
                super::imp!(wrapper<1> ($($type),*) $returned),
                super::imp!(wrapper<2> ($($type),*) $returned),
                super::imp!(wrapper<3> ($($type),*) $returned),
                super::imp!(wrapper<4> ($($type),*) $returned),
                super::imp!(wrapper<5> ($($type),*) $returned),
                super::imp!(wrapper<6> ($($type),*) $returned),
                super::imp!(wrapper<7> ($($type),*) $returned),
            ] },
            slots: &SLOTS,
        }
    }};
}

/// A copy of a wrapper as the runtime takes it.
macro_rules! imp {
    ($wrapper:ident<$copy:literal> ($($type:ident),*) $returned:ty) => {
        core::mem::transmute::<
            unsafe extern "C-unwind" fn(Id, Sel $(, $type)*) -> $returned,
            objc2::runtime::Imp,
        >($wrapper::<$copy>)
    };
}

macro_rules! makes {
    () => {
        None
    };
    ($group:ident) => {
        Some(crate::signatures::Group::$group)
    };
}

macro_rules! rule {
    (encode) => {
        Rule::Encode
    };
    (end) => {
        Rule::End
    };
    (end_late) => {
        Rule::EndLate
    };
    (destroy) => {
        Rule::Destroy
    };
    (dealloc) => {
        Rule::Dealloc
    };
    (factory) => {
        Rule::Factory
    };
    (split) => {
        Rule::Split
    };
    (commit) => {
        Rule::Commit
    };
    (event) => {
        Rule::Event
    };
    (retire) => {
        Rule::Retire
    };
    (supply) => {
        Rule::Supply
    };
}

/// The rule's function; those that make something are also told of which group.
macro_rules! apply {
    ($rule:ident [] $($argument:expr),*) => {
        crate::rules::$rule($($argument),*)
    };
    ($rule:ident [$makes:ident] $($argument:expr),*) => {
        crate::rules::$rule(crate::signatures::Group::$makes, $($argument),*)
    };
}

use {apply, define, imp, makes, named, returned, row, rule};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_group_has_a_selector_twice() {
        for group in Group::ALL {
            let mut seen = BTreeSet::new();
            for row in group.rows() {
                assert!(seen.insert(row.selector), "{:?} in {group:?}", row.selector);
            }
        }
    }

    #[test]
    fn a_signature_has_as_many_arguments_as_its_selector_has_colons() {
        for row in Group::ALL.iter().flat_map(|group| group.rows()) {
            let colons = row.selector.to_bytes().iter().filter(|&&byte| byte == b':');
            assert_eq!(row.types.len(), 3 + colons.count(), "{:?}", row.selector);
            assert!(!row.encoding().is_empty());
        }
    }

    #[test]
    fn no_two_copies_are_one_function() {
        // The linker may fold equal functions into one; then a slot could not be told from another.
        for row in Group::ALL.iter().flat_map(|group| group.rows()) {
            let copies: BTreeSet<usize> = row.wrappers.iter().map(|&copy| copy as usize).collect();
            assert_eq!(copies.len(), COPIES, "{:?}", row.selector);
        }
    }

    #[test]
    fn known_signatures_have_the_encodings_of_the_headers() {
        for (group, selector, encoding) in [
            (Group::Compute, c"setBuffer:offset:atIndex:", "v@:@QQ"),
            (
                Group::Compute,
                c"dispatchThreads:threadsPerThreadgroup:",
                "v@:{QQQ}{QQQ}",
            ),
            (Group::Compute, c"setStageInRegion:", "v@:{{QQQ}{QQQ}}"),
            (Group::Compute, c"setTextures:withRange:", "v@:^{QQ}"),
            (
                Group::Compute,
                c"setSamplerState:lodMinClamp:lodMaxClamp:atIndex:",
                "v@:@ffQ",
            ),
            (Group::Blit, c"fillBuffer:range:value:", "v@:@{QQ}C"),
            (Group::Blit, c"updateFence:", "v@:@"),
            (Group::Render, c"setViewport:", "v@:{dddddd}"),
            (Group::CommandBuffer, c"commit", "v@:"),
            (Group::CommandBuffer, c"encodeSignalEvent:value:", "v@:@Q"),
            (Group::CommandBuffer, c"computeCommandEncoder", "@@:"),
        ] {
            let row = group.rows().iter().find(|row| row.selector == selector);
            assert_eq!(row.map(Row::encoding).as_deref(), Some(encoding));
        }
    }
}
