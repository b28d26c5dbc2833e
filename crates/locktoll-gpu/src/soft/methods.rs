//! The method table: every encoding call goes through it, and it can be replaced while the program
//! runs.
//!
//! It stands for the class of an Objective-C driver, so that what a swizzle does there, and costs,
//! can be done and measured here.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use locktoll_guard::{Address, Guard, Section};
use parking_lot::Mutex;

use super::buffer::SoftBuffer;
use super::driver;
use super::objects::{SoftCommandBuffer, SoftEncoder, SoftPipeline, SoftQueue};
use crate::{Error, Located};

/// Declares the table, with each method's signature once, and its two fillings.
macro_rules! method_table {
    ($($name:ident($receiver:ty $(, $argument:ident: $kind:ty)*) -> $returned:ty;)*) => {
        /// One entry for each method. An entry is given the table that it was found in.
        #[derive(Debug)]
        pub(crate) struct Methods {
            $(pub(crate) $name: fn(&Self, &$receiver $(, $kind)*) -> Result<$returned, Error>,)*
            /// The context at this address is gone.
            pub(crate) release: fn(&Self, Address),
            guard: Option<Arc<Guard>>,
        }

        /// The driver's own methods.
        static ORIGINAL: Methods = Methods {
            $($name: |_, receiver $(, $argument)*| driver::$name(receiver $(, $argument)*),)*
            release: |_, _| (),
            guard: None,
        };

        impl Methods {
            /// The driver's methods, each inside the guard's section for its receiver.
            pub(crate) const fn guarded(guard: Arc<Guard>) -> Self {
                Self {
                    $($name: |table, receiver $(, $argument)*| {
                        let _section = table.enter(receiver.address());
                        driver::$name(receiver $(, $argument)*)
                    },)*
                    // Without a lock: nobody else can reach the context.
                    release: |table, address| table.forget(address),
                    guard: Some(guard),
                }
            }
        }
    };
}

method_table! {
    command_buffer(SoftQueue) -> SoftCommandBuffer;
    encoder(SoftCommandBuffer) -> SoftEncoder;
    set_pipeline(SoftEncoder, pipeline: &SoftPipeline) -> ();
    set_buffer(SoftEncoder, index: usize, buffer: &SoftBuffer) -> ();
    set_value(SoftEncoder, index: usize, value: f32) -> ();
    dispatch(SoftEncoder, threads: usize) -> ();
    end_encoding(SoftEncoder) -> ();
    commit(SoftCommandBuffer) -> ();
}

impl Methods {
    fn enter(&self, address: Address) -> Option<Section<'_>> {
        self.guard.as_ref().map(|guard| guard.enter_at(address))
    }

    fn forget(&self, address: Address) {
        if let Some(guard) = &self.guard {
            guard.forget(address.encoder);
        }
    }
}

/// Which table is in force.
///
/// # Invariant
///
/// `current` points to [`ORIGINAL`] or to a table in `replacements`, which only grows while this
/// lives. So a table stays valid for every caller that found it, however long ago.
#[derive(Debug)]
pub(crate) struct MethodTable {
    current: AtomicPtr<Methods>,
    replacements: Mutex<Vec<Arc<Methods>>>,
}

impl Default for MethodTable {
    fn default() -> Self {
        Self {
            current: AtomicPtr::new((&raw const ORIGINAL).cast_mut()),
            replacements: Mutex::default(),
        }
    }
}

impl MethodTable {
    /// The table in force now.
    pub(crate) fn current(&self) -> &Methods {
        // SAFETY: by the invariant the table lives as long as `self`; tables are never changed.
        unsafe { &*self.current.load(Ordering::Acquire) }
    }

    /// Keeps `table` so that it can be put in force.
    pub(crate) fn keep(&self, table: Methods) -> Replacement {
        let mut replacements = self.replacements.lock();
        replacements.push(Arc::new(table));
        Replacement(replacements.len() - 1)
    }

    /// Puts the replacement in the original's place. Says whether it is in force now, be it by this
    /// call or since before; it is not if another replacement is.
    pub(crate) fn replace(&self, replacement: Replacement) -> bool {
        let table = self.pointer(replacement);
        self.exchange(&raw const ORIGINAL, table) || self.is_current(replacement)
    }

    /// Puts the original back if the replacement is in force.
    pub(crate) fn restore(&self, replacement: Replacement) {
        self.exchange(self.pointer(replacement), &raw const ORIGINAL);
    }

    pub(crate) fn is_current(&self, replacement: Replacement) -> bool {
        ptr::eq(self.current(), self.pointer(replacement))
    }

    fn exchange(&self, from: *const Methods, to: *const Methods) -> bool {
        let (from, to) = (from.cast_mut(), to.cast_mut());
        self.current
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Always a pointer that the invariant allows.
    fn pointer(&self, Replacement(index): Replacement) -> *const Methods {
        self.replacements
            .lock()
            .get(index)
            .map_or(&raw const ORIGINAL, Arc::as_ptr)
    }
}

/// The index of a kept table. (An `Arc` rather than a `Box` holds it, so that the list may grow
/// under pointers to it.)
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replacement(usize);

#[cfg(test)]
mod tests {
    use locktoll_guard::{Instrument, Strategy};

    use super::*;
    use crate::{Device, SoftDevice};

    fn guarded() -> Methods {
        Methods::guarded(Arc::new(Guard::new(Strategy::Global, Instrument::Bare)))
    }

    #[test]
    fn one_replacement_at_a_time_and_both_ways_idempotent() {
        let table = MethodTable::default();
        let (a, b) = (table.keep(guarded()), table.keep(guarded()));
        assert!(ptr::eq(table.current(), &raw const ORIGINAL));
        assert!(table.replace(a) && table.replace(a) && table.is_current(a));
        assert!(!table.replace(b) && table.is_current(a));
        table.restore(b);
        assert!(table.is_current(a));
        table.restore(a);
        table.restore(a);
        assert!(ptr::eq(table.current(), &raw const ORIGINAL));
        assert!(table.replace(b) && table.is_current(b) && !table.is_current(a));
    }

    #[test]
    fn a_context_is_released_once_when_its_last_object_goes() {
        static RELEASED: Mutex<Vec<Address>> = Mutex::new(Vec::new());
        let device = SoftDevice::new("service=0,encode=0".parse().unwrap(), None);
        let methods = &device.core().methods;
        let watched = Methods {
            release: |_, address| RELEASED.lock().push(address),
            ..guarded()
        };
        assert!(methods.replace(methods.keep(watched)));

        let commands = driver::command_buffer(&device.queue(0).unwrap()).unwrap();
        let address = commands.address();
        let encoder = driver::encoder(&commands).unwrap();
        assert_eq!(encoder.address(), address);
        drop(commands);
        driver::end_encoding(&encoder).unwrap();
        assert_eq!(RELEASED.lock().len(), 0);
        drop(encoder);
        assert_eq!(*RELEASED.lock(), [address]);
    }
}
