//! What a line of a table becomes.
//!
//! A hook finds its device, counts, enters the line's sections in their order, calls the next layer,
//! and leaves them in reverse order.

use std::io::{self, Write as _};

/// Functions from lines such as
///
/// ```text
/// name c"vkName" PFN_vkName (queue: vk::Queue, fence: vk::Fence) -> vk::Result
///     [object(fence), queue(queue)] nothing;
/// ```
///
/// where the brackets hold calls of [`Entrance`](crate::locks::Entrance), and the last word is what
/// to count. A signature that is not the command's does not compile.
macro_rules! hooks {
    (
        in $table:ident;
        $(
            $name:ident $command:literal $pfn:ident
            ( $first:ident : $first_type:ty $(, $argument:ident : $type:ty)* ) -> $returned:ty
            [ $( $enter:ident ( $($what:expr),* ) ),* ] $tally:ident;
        )*
    ) => {
        $(
            unsafe extern "system" fn $name(
                $first: $first_type $(, $argument: $type)*
            ) -> $returned {
                // SAFETY: the program calls this as the command of the same name, with arguments
                // that are valid for it: the first is alive, pointers lead to what the
                // specification says, arrays are as long as their counts. The next layer gets the
                // same.
                unsafe {
                    let Some(device) = $crate::devices::find($first) else {
                        $crate::hooks::define::missing($command)
                    };
                    let Some(next) = device.next.$table.$name else {
                        $crate::hooks::define::missing($command)
                    };
                    $crate::hooks::define::tally!($tally);
                    let entrance = device.entrance();
                    $( let _section = entrance.$enter($($what),*); )*
                    next($first $(, $argument)*)
                }
            }
        )*

        $crate::hooks::define::table! { $( $name $command $pfn = $name; )* }
    };
}

/// The table of the next layer's functions, and the list of the functions that stand in for them.
macro_rules! table {
    ( $( $name:ident $command:literal $pfn:ident = $hook:path; )* ) => {
        /// The next layer's functions.
        #[allow(dead_code, reason = "a wait that is taken apart is not called")]
        pub(crate) struct Next {
            $( pub(crate) $name: Option<ash::vk::$pfn>, )*
        }

        impl Next {
            /// # Safety
            ///
            /// `get` returns, for the name of a command, that command or nothing.
            pub(crate) unsafe fn load(
                get: &dyn Fn(&core::ffi::CStr) -> ash::vk::PFN_vkVoidFunction,
            ) -> Self {
                Next {
                    // SAFETY: a command has the type of its name, as the caller promises.
                    $( $name: unsafe {
                        core::mem::transmute::<
                            ash::vk::PFN_vkVoidFunction,
                            Option<ash::vk::$pfn>,
                        >(get($command))
                    }, )*
                }
            }
        }

        /// What stands in for each command.
        pub(super) const HOOKS: &[super::Hook] = &[
            // SAFETY: function pointers are all alike until they are called, and callers know this
            // one by its name.
            $( ($command, unsafe {
                core::mem::transmute::<ash::vk::$pfn, unsafe extern "system" fn()>($hook)
            }), )*
        ];
    };
}

/// Counts what a command is.
macro_rules! tally {
    (nothing) => {};
    (command) => {
        $crate::tally::add($crate::tally::Event::Command, 1)
    };
    (dispatch) => {
        $crate::tally::add($crate::tally::Event::Dispatch, 1)
    };
    (draw) => {
        $crate::tally::add($crate::tally::Event::Draw, 1)
    };
}

pub(super) use {hooks, table, tally};

/// Ends the process: the program has called a command of a device that is not there, or one that
/// the device does not have. Without this layer it would have called nothing at all.
#[cold]
#[inline(never)]
pub(super) fn missing(command: &core::ffi::CStr) -> ! {
    let _ = writeln!(
        io::stderr(),
        "locktoll: {} was called for a device that is not alive or does not have it",
        command.to_string_lossy()
    );
    std::process::abort()
}
