//! Whether the calling thread is in a call that the guard is round.
//!
//! What a driver calls inside its own methods is its own business: it is no misuse, and it does not wait,
//! since the outer call may hold a lock of ours.

use core::cell::Cell;
use core::marker::PhantomData;

std::thread_local! {
    /// Calls of command buffers that the thread is in.
    static BUFFERS: Cell<u32> = const { Cell::new(0) };
    /// Calls of encoders that the thread is in, where no lock tells that.
    static ENCODERS: Cell<u32> = const { Cell::new(0) };
}

/// A call of the calling thread, from its making until it is dropped.
pub(crate) struct Within {
    depth: &'static std::thread::LocalKey<Cell<u32>>,
    /// Counted in this thread.
    not_send: PhantomData<*const ()>,
}

impl Within {
    #[inline]
    fn enter(depth: &'static std::thread::LocalKey<Cell<u32>>) -> Self {
        depth.with(|depth| depth.set(depth.get().wrapping_add(1)));
        Within {
            depth,
            not_send: PhantomData,
        }
    }

    /// A call of a command buffer.
    pub(crate) fn a_buffer() -> Self {
        Within::enter(&BUFFERS)
    }

    /// A call of an encoder, under a strategy without locks.
    #[inline]
    pub(crate) fn an_encoder() -> Self {
        Within::enter(&ENCODERS)
    }
}

impl Drop for Within {
    #[inline]
    fn drop(&mut self) {
        self.depth
            .with(|depth| depth.set(depth.get().wrapping_sub(1)));
    }
}

/// Whether the thread is in a call of a command buffer.
pub(crate) fn is_in_a_buffer() -> bool {
    BUFFERS.get() > 0
}

/// Whether the thread is in any call that the guard is round. A caller that is in one leaves its section
/// first.
pub(crate) fn is_in_a_call() -> bool {
    is_in_a_buffer() || ENCODERS.get() > 0 || locktoll_guard::is_in_a_section()
}
