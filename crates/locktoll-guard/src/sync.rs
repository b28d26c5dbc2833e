//! Where every concurrency primitive of this crate comes from.
//!
//! Built with `--cfg loom`, the same names are loom's, and `tests/model.rs` runs the protocols
//! under every schedule. Counters do not pass through here: each has one writer and orders
//! nothing, so that modelling them would only hide the schedules that matter.

#[cfg(not(loom))]
pub(crate) use self::real::{
    AtomicPtr, AtomicU64, AtomicUsize, Condvar, Mutex, RawGuard, RawLock, thread_name,
};

#[cfg(loom)]
pub(crate) use self::modelled::{
    AtomicPtr, AtomicU64, AtomicUsize, Condvar, Mutex, RawGuard, RawLock, thread_name,
};

#[cfg(not(loom))]
mod real {
    use core::marker::PhantomData;

    use parking_lot::RawMutex;
    use parking_lot::lock_api::RawMutex as _;

    pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize};
    pub(crate) use parking_lot::{Condvar, Mutex};

    /// A name of the calling thread that no other live thread has: where its `local` value lies.
    #[inline]
    pub(crate) fn thread_name<T>(local: &T) -> usize {
        core::ptr::from_ref(local).addr()
    }

    /// A mutex whose guard has no destructor, which keeps the code of a section's end small.
    pub(crate) struct RawLock(RawMutex);

    /// Proof of having locked a [`RawLock`].
    ///
    /// Invariant: made by [`RawLock`] alone, one for each time that it was locked, and dropped
    /// by [`RawLock::unlock`] or, if it is leaked, never unlocked.
    #[must_use]
    pub(crate) struct RawGuard<'a> {
        state: <RawMutex as parking_lot::lock_api::RawMutex>::Guard,
        of: PhantomData<&'a RawLock>,
    }

    impl RawLock {
        pub(crate) const fn new() -> Self {
            RawLock(RawMutex::INIT)
        }

        #[inline]
        pub(crate) fn lock(&self) -> RawGuard<'_> {
            RawGuard {
                state: self.0.lock(),
                of: PhantomData,
            }
        }

        #[inline]
        pub(crate) fn try_lock(&self) -> Option<RawGuard<'_>> {
            self.0.try_lock().map(|state| RawGuard {
                state,
                of: PhantomData,
            })
        }

        pub(crate) fn is_locked(&self) -> bool {
            self.0.is_locked()
        }

        /// # Safety
        ///
        /// `guard` comes from locking this very lock.
        #[inline]
        pub(crate) unsafe fn unlock(&self, guard: RawGuard<'_>) {
            // SAFETY: by the invariant of `RawGuard` and the caller's promise the lock is locked,
            // and this is the state of that time.
            unsafe { self.0.unlock(guard.state) };
        }
    }
}

/// loom's primitives behind `parking_lot`'s signatures.
#[cfg(loom)]
mod modelled {
    use core::marker::PhantomData;
    use core::ops::{Deref, DerefMut};
    use core::sync::atomic::Ordering;

    use loom::sync::atomic::fence;
    pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU64};

    /// loom's, with the one order of sequentially consistent accesses, which loom takes for accesses that
    /// acquire or release and no more. What it does know is fences, so there is one behind such a store and
    /// one before such a load, as compilers put them for processors that have no such accesses
    /// (<https://www.cl.cam.ac.uk/~pes20/cpp/cpp0xmappings.html>).
    #[derive(Default)]
    pub(crate) struct AtomicUsize(loom::sync::atomic::AtomicUsize);

    impl AtomicUsize {
        pub(crate) fn new(value: usize) -> Self {
            AtomicUsize(loom::sync::atomic::AtomicUsize::new(value))
        }

        pub(crate) fn load(&self, order: Ordering) -> usize {
            if order == Ordering::SeqCst {
                fence(order);
            }
            self.0.load(order)
        }

        pub(crate) fn store(&self, value: usize, order: Ordering) {
            self.0.store(value, order);
            if order == Ordering::SeqCst {
                fence(order);
            }
        }
    }

    ::loom::thread_local! {
        static NAME: usize = {
            static LAST: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(0);
            LAST.fetch_add(1, core::sync::atomic::Ordering::Relaxed) + 1
        }
    }

    /// Never used again, since loom does not know that a system which hands memory on from an
    /// ended thread to a new one orders the two.
    pub(crate) fn thread_name<T>(_local: &T) -> usize {
        NAME.with(|name| *name)
    }

    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    /// `None` only inside [`Condvar::wait`], which has the exclusive borrow.
    pub(crate) struct MutexGuard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

    pub(crate) struct Condvar(loom::sync::Condvar);

    /// Not a loom mutex, whose `try_lock` waits when it is overtaken.
    pub(crate) struct RawLock {
        locked: Mutex<bool>,
        unlocked: Condvar,
    }

    pub(crate) struct RawGuard<'a>(PhantomData<&'a RawLock>);

    impl RawLock {
        pub(crate) fn new() -> Self {
            RawLock {
                locked: Mutex::new(false),
                unlocked: Condvar::new(),
            }
        }

        pub(crate) fn lock(&self) -> RawGuard<'_> {
            let mut locked = self.locked.lock();
            while *locked {
                self.unlocked.wait(&mut locked);
            }
            *locked = true;
            RawGuard(PhantomData)
        }

        pub(crate) fn try_lock(&self) -> Option<RawGuard<'_>> {
            let mut locked = self.locked.lock();
            (!core::mem::replace(&mut *locked, true)).then_some(RawGuard(PhantomData))
        }

        pub(crate) fn is_locked(&self) -> bool {
            *self.locked.lock()
        }

        /// # Safety
        ///
        /// As in production, where it matters.
        pub(crate) unsafe fn unlock(&self, _guard: RawGuard<'_>) {
            *self.locked.lock() = false;
            self.unlocked.notify_one();
        }
    }

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(self.0.lock().expect("loom never poisons")))
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.0.as_ref().expect("not in wait")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().expect("not in wait")
        }
    }

    impl Condvar {
        pub(crate) fn new() -> Self {
            Condvar(loom::sync::Condvar::new())
        }

        pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            let inner = guard.0.take().expect("not in wait");
            guard.0 = Some(self.0.wait(inner).expect("loom never poisons"));
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }
    }
}

/// A function that is `const` in production; loom's primitives register themselves when built.
macro_rules! const_unless_modelled {
    ($(#[$meta:meta])* $vis:vis fn $name:ident() -> $of:ty $body:block) => {
        $(#[$meta])*
        #[cfg(not(loom))]
        $vis const fn $name() -> $of $body

        $(#[$meta])*
        #[cfg(loom)]
        $vis fn $name() -> $of $body
    };
}

/// A value of each thread: in production a constant without destructor, so that reaching it is
/// one addition and can neither allocate nor fail, not even while the thread ends.
macro_rules! per_thread {
    (static $name:ident: $of:ty = $init:expr;) => {
        #[cfg(not(loom))]
        ::std::thread_local! { static $name: $of = const { $init } }

        #[cfg(loom)]
        ::loom::thread_local! { static $name: $of = $init }
    };
}

/// A value of the whole process; under loom, of one execution.
macro_rules! per_process {
    (static $name:ident: $of:ty = $init:expr;) => {
        #[cfg(not(loom))]
        static $name: $of = $init;

        #[cfg(loom)]
        ::loom::lazy_static! { static ref $name: $of = $init; }
    };
}

pub(crate) use {const_unless_modelled, per_process, per_thread};
