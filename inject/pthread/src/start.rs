//! When the library is loaded, when the process forks, and when it ends.

use core::ffi::{c_char, c_int, c_void};

use locktoll_trace::recording::Mode;

use crate::hooks::futex;
use crate::{clock, real, session, settings, thread};

unsafe extern "C" {
    fn __register_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
        object: *mut c_void,
    ) -> c_int;
    static __dso_handle: c_void;
}

#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn(c_int, *const *const c_char, *const *const c_char) = start;

#[used]
#[unsafe(link_section = ".fini_array")]
static END: extern "C" fn() = end;

/// glibc gives these arguments to initialisers of libraries too.
extern "C" fn start(
    _count: c_int,
    _arguments: *const *const c_char,
    environment: *const *const c_char,
) {
    real::find_all();
    futex::find();
    // SAFETY: the process's environment, as above.
    let Some(settings) = (unsafe { settings::read(environment) }) else {
        return;
    };
    clock::start(settings.ns_per_tick);
    session::want(&settings);
    // SAFETY: the function is this object's, and stays.
    unsafe {
        let object = (&raw const __dso_handle).cast_mut();
        __register_atfork(None, None, Some(forked), object);
    }
    if settings.mode != Mode::CONTENTIONS {
        real::send_free_locks_to(counting(settings.mode));
    }
}

/// What a free lock goes to first.
#[cfg(target_arch = "x86_64")]
fn counting(mode: Mode) -> *mut c_void {
    if mode == Mode::AGGREGATE {
        crate::entry::counting_lock as unsafe extern "C" fn() as *mut c_void
    } else {
        crate::entry::recording_lock as unsafe extern "C" fn() as *mut c_void
    }
}

#[cfg(target_arch = "aarch64")]
fn counting(_: Mode) -> *mut c_void {
    crate::entry::recording_lock as unsafe extern "C" fn() as *mut c_void
}

extern "C" fn forked() {
    // SAFETY: Own; the child has this one thread, in `fork` and nowhere else.
    session::forked(unsafe { &mut *thread::own() });
}

extern "C" fn end() {
    session::end();
}
