//! The functions that the program calls instead of glibc's.
//!
//! Each is a few instructions: it passes on from where it was called, and jumps. What is called as a
//! function of its own would have its own return address instead of the program's.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use self::aarch64::{plain_syscall, recording_lock};
#[cfg(target_arch = "x86_64")]
pub(crate) use self::x86_64::{counting_lock, plain_syscall, recording_lock};

/// Defines functions that take a lock or wait: name, number of arguments, the function that does it,
/// which is given the call site, the stack pointer after the return and the frame pointer as well.
macro_rules! entries {
    ($($name:ident $arguments:tt $target:path;)*) => {
        $(
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            pub(crate) unsafe extern "C" fn $name() {
                entry!($arguments, $target)
            }
        )*
    };
}
pub(crate) use entries;

/// All but the fast paths of the mutex and `syscall`, which are each architecture's.
macro_rules! common_entries {
    () => {
        /// A lock of which Rust does all.
        #[unsafe(naked)]
        pub(crate) unsafe extern "C" fn recording_lock() {
            entry!(1, hooks::mutex::lock)
        }

        crate::entry::entries! {
            pthread_mutex_trylock 1 hooks::mutex::trylock;
            pthread_mutex_timedlock 2 hooks::mutex::timedlock;
            pthread_mutex_clocklock 3 hooks::mutex::clocklock;
            mtx_lock 1 hooks::mutex::mtx_lock;
            mtx_trylock 1 hooks::mutex::mtx_trylock;
            mtx_timedlock 2 hooks::mutex::mtx_timedlock;
            pthread_rwlock_rdlock 1 hooks::rwlock::rdlock;
            pthread_rwlock_tryrdlock 1 hooks::rwlock::tryrdlock;
            pthread_rwlock_timedrdlock 2 hooks::rwlock::timedrdlock;
            pthread_rwlock_clockrdlock 3 hooks::rwlock::clockrdlock;
            pthread_rwlock_wrlock 1 hooks::rwlock::wrlock;
            pthread_rwlock_trywrlock 1 hooks::rwlock::trywrlock;
            pthread_rwlock_timedwrlock 2 hooks::rwlock::timedwrlock;
            pthread_rwlock_clockwrlock 3 hooks::rwlock::clockwrlock;
            pthread_spin_lock 1 hooks::spinlock::lock;
            pthread_spin_trylock 1 hooks::spinlock::trylock;
            pthread_cond_wait 2 hooks::condvar::wait;
            pthread_cond_timedwait 3 hooks::condvar::timedwait;
            pthread_cond_clockwait 4 hooks::condvar::clockwait;
            cnd_wait 2 hooks::condvar::cnd_wait;
            cnd_timedwait 3 hooks::condvar::cnd_timedwait;
            sem_wait 1 hooks::waits::sem_wait;
            sem_timedwait 2 hooks::waits::sem_timedwait;
            sem_clockwait 3 hooks::waits::sem_clockwait;
            pthread_barrier_wait 1 hooks::waits::barrier_wait;
        }
    };
}
pub(crate) use common_entries;
