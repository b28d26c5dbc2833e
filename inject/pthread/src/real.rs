//! glibc's own functions.
//!
//! Those of mutexes and the basic ones of reader-writer locks have a second, older name in glibc,
//! `__pthread_mutex_lock` and so on, which nobody interposes. The dynamic linker binds these before
//! any code runs, so they can be called at any time. All others are found by `dlvsym`, with their
//! versions: when the library is loaded, or at the first call if that comes earlier.

use core::arch::global_asm;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicPtr, Ordering};

/// `pthread_mutex_t *` and all the others.
pub(crate) type Object = *mut c_void;
/// A function of one object.
pub(crate) type One = unsafe extern "C-unwind" fn(Object) -> c_int;
/// A function of an object and a time limit, or of two objects.
pub(crate) type Two = unsafe extern "C-unwind" fn(Object, Object) -> c_int;
/// A function of two objects and a time limit.
pub(crate) type Three = unsafe extern "C-unwind" fn(Object, Object, Object) -> c_int;
/// A function of an object, a clock and a time limit.
pub(crate) type Clocked = unsafe extern "C-unwind" fn(Object, c_int, Object) -> c_int;
/// A function of two objects, a clock and a time limit.
pub(crate) type ClockedTwo = unsafe extern "C-unwind" fn(Object, Object, c_int, Object) -> c_int;

#[cfg(target_arch = "x86_64")]
macro_rules! oldest {
    () => {
        "GLIBC_2.2.5"
    };
}
#[cfg(target_arch = "aarch64")]
macro_rules! oldest {
    () => {
        "GLIBC_2.17"
    };
}

/// Words that the dynamic linker fills with the functions' addresses. The reference to a versioned
/// name has to be in one assembly with its `.symver`.
macro_rules! bound {
    ($($pointer:ident = $name:literal,)*) => {
        global_asm!(
            $(
                concat!(".symver locktoll_ref_", $name, ", __pthread_", $name, "@", oldest!()),
                ".section .data.rel.ro,\"aw\",@progbits",
                ".p2align 3",
                concat!(".globl locktoll_real_", $name),
                concat!(".hidden locktoll_real_", $name),
                concat!("locktoll_real_", $name, ": .quad locktoll_ref_", $name),
            )*
            // Where an uncontended lock goes on: to glibc's, or to what counts it first.
            ".section .data,\"aw\",@progbits",
            ".p2align 3",
            ".globl locktoll_free_lock",
            ".hidden locktoll_free_lock",
            "locktoll_free_lock: .quad locktoll_ref_mutex_lock",
            ".text",
        );
        unsafe extern "C" {
            $(
                #[link_name = concat!("locktoll_real_", $name)]
                static $pointer: One;
            )*
        }
    };
}

bound! {
    MUTEX_LOCK = "mutex_lock",
    MUTEX_TRYLOCK = "mutex_trylock",
    MUTEX_UNLOCK = "mutex_unlock",
    RDLOCK = "rwlock_rdlock",
    TRYRDLOCK = "rwlock_tryrdlock",
    WRLOCK = "rwlock_wrlock",
    TRYWRLOCK = "rwlock_trywrlock",
    RWLOCK_UNLOCK = "rwlock_unlock",
}

macro_rules! bound_functions {
    ($($function:ident = $pointer:ident,)*) => {
        $(
            #[inline(always)]
            pub(crate) fn $function() -> One {
                // SAFETY: the dynamic linker has stored the function's address there.
                unsafe { $pointer }
            }
        )*
    };
}

bound_functions! {
    mutex_lock = MUTEX_LOCK,
    mutex_trylock = MUTEX_TRYLOCK,
    mutex_unlock = MUTEX_UNLOCK,
    rdlock = RDLOCK,
    tryrdlock = TRYRDLOCK,
    wrlock = WRLOCK,
    trywrlock = TRYWRLOCK,
    rwlock_unlock = RWLOCK_UNLOCK,
}

unsafe extern "C" {
    #[link_name = "locktoll_free_lock"]
    static FREE_LOCK: AtomicPtr<c_void>;
    fn dlvsym(handle: *mut c_void, name: *const c_char, version: *const c_char) -> *mut c_void;
    #[link_name = "__libc_stack_end"]
    static STACK_END: *mut c_void;
}

/// Sends uncontended locks there.
pub(crate) fn send_free_locks_to(function: *mut c_void) {
    // SAFETY: a word of this library's own, defined above.
    unsafe { &FREE_LOCK }.store(function, Ordering::Release);
}

/// Where the main thread's stack began.
pub(crate) fn main_stack_end() -> usize {
    // SAFETY: the dynamic linker stores it before any code runs.
    unsafe { STACK_END }.addr()
}

/// Where the thread's control block is.
pub(crate) fn thread_pointer() -> usize {
    let pointer: usize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the first word of the block is its own address (System V ABI).
    unsafe {
        core::arch::asm!("mov {}, qword ptr fs:[0]", out(reg) pointer, options(pure, readonly, nostack));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: reads a register.
    unsafe {
        core::arch::asm!("mrs {}, tpidr_el0", out(reg) pointer, options(pure, nomem, nostack));
    }
    pointer
}

const NEXT: *mut c_void = core::ptr::without_provenance_mut(usize::MAX);

/// A function that `dlvsym` finds.
pub(crate) struct Found {
    address: AtomicPtr<c_void>,
    name: &'static CStr,
    versions: &'static [&'static CStr],
}

impl Found {
    const fn new(name: &'static CStr, versions: &'static [&'static CStr]) -> Found {
        Found {
            address: AtomicPtr::new(core::ptr::null_mut()),
            name,
            versions,
        }
    }

    #[inline(always)]
    fn get(&self) -> *mut c_void {
        let address = self.address.load(Ordering::Relaxed);
        if address.is_null() {
            self.find()
        } else {
            address
        }
    }

    #[cold]
    fn find(&self) -> *mut c_void {
        for version in self.versions {
            // SAFETY: both are strings; glibc's loader is ready when any code runs.
            let address = unsafe { dlvsym(NEXT, self.name.as_ptr(), version.as_ptr()) };
            if !address.is_null() {
                self.address.store(address, Ordering::Relaxed);
                return address;
            }
        }
        core::ptr::null_mut()
    }
}

#[cfg(target_arch = "x86_64")]
const OLD: &CStr = c"GLIBC_2.2.5";
#[cfg(target_arch = "x86_64")]
const CONDITIONS: &CStr = c"GLIBC_2.3.2";
#[cfg(target_arch = "aarch64")]
const OLD: &CStr = c"GLIBC_2.17";
#[cfg(target_arch = "aarch64")]
const CONDITIONS: &CStr = c"GLIBC_2.17";
const CLOCKED: &CStr = c"GLIBC_2.30";
const C11: &CStr = c"GLIBC_2.28";
const MERGED: &CStr = c"GLIBC_2.34";

macro_rules! found {
    ($($name:ident: $type:ty = $symbol:literal, $($version:expr),+;)*) => {
        $(
            #[doc = concat!("glibc's `", stringify!($symbol), "`; `None` where it has none.")]
            #[inline(always)]
            pub(crate) fn $name() -> Option<$type> {
                static FUNCTION: Found = Found::new($symbol, &[$($version),+, MERGED]);
                // SAFETY: glibc's function of that name has this type; null is `None`.
                unsafe { core::mem::transmute::<*mut c_void, Option<$type>>(FUNCTION.get()) }
            }
        )*

        /// Finds them all, so that none is left for a call.
        pub(crate) fn find_all() {
            $(let _ = $name();)*
        }
    };
}

found! {
    mutex_timedlock: Two = c"pthread_mutex_timedlock", OLD;
    mutex_clocklock: Clocked = c"pthread_mutex_clocklock", CLOCKED;
    timedrdlock: Two = c"pthread_rwlock_timedrdlock", OLD;
    timedwrlock: Two = c"pthread_rwlock_timedwrlock", OLD;
    clockrdlock: Clocked = c"pthread_rwlock_clockrdlock", CLOCKED;
    clockwrlock: Clocked = c"pthread_rwlock_clockwrlock", CLOCKED;
    spin_lock: One = c"pthread_spin_lock", OLD;
    spin_trylock: One = c"pthread_spin_trylock", OLD;
    spin_unlock: One = c"pthread_spin_unlock", OLD;
    cond_wait: Two = c"pthread_cond_wait", CONDITIONS;
    cond_timedwait: Three = c"pthread_cond_timedwait", CONDITIONS;
    cond_clockwait: ClockedTwo = c"pthread_cond_clockwait", CLOCKED;
    sem_wait: One = c"sem_wait", OLD;
    sem_timedwait: Two = c"sem_timedwait", OLD;
    sem_clockwait: Clocked = c"sem_clockwait", CLOCKED;
    barrier_wait: One = c"pthread_barrier_wait", OLD;
    mtx_lock: One = c"mtx_lock", C11;
    mtx_trylock: One = c"mtx_trylock", C11;
    mtx_timedlock: Two = c"mtx_timedlock", C11;
    mtx_unlock: One = c"mtx_unlock", C11;
    cnd_wait: Two = c"cnd_wait", C11;
    cnd_timedwait: Three = c"cnd_timedwait", C11;
    syscall: unsafe extern "C-unwind" fn() = c"syscall", OLD;
}
