//! Locks with names of their own, and frames that are part of a lock.
//!
//! Only locks that are taken through calls into another library can be recorded by interposition. The C
//! library takes its own (arenas of malloc, the loader's, those of stdio) by instructions within itself:
//! they are in this table for programs that call in from outside, as `flockfile` of an older C library or a
//! replaced allocator does, and a recording of an ordinary program does not hold them.

use crate::symbolizer::{Datum, Frame};

/// A lock that many programs have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownLock {
    /// What people call it.
    pub name: &'static str,
    /// The beginning of the name of the file that it is of; any file if empty.
    module: &'static str,
    /// Its variable, or the beginning of it where it ends in `*`; none if empty.
    datum: &'static str,
    /// Functions that take it; the same form.
    functions: &'static [&'static str],
    /// It is a lock made of condition variables or semaphores, so that waiting for those is waiting for the
    /// lock, and no idleness.
    pub waits_contend: bool,
    /// A program has many of them, and which one it is matters.
    pub is_each_its_own: bool,
    /// Where that can be looked up.
    pub source: &'static str,
}

const fn by_datum(
    name: &'static str,
    module: &'static str,
    datum: &'static str,
    source: &'static str,
) -> KnownLock {
    KnownLock {
        name,
        module,
        datum,
        functions: &[],
        waits_contend: false,
        is_each_its_own: false,
        source,
    }
}

const fn by_function(
    name: &'static str,
    module: &'static str,
    functions: &'static [&'static str],
    source: &'static str,
) -> KnownLock {
    KnownLock {
        name,
        module,
        datum: "",
        functions,
        waits_contend: false,
        is_each_its_own: false,
        source,
    }
}

/// Every known lock; the first row that fits holds.
pub const KNOWN: &[KnownLock] = &[
    KnownLock {
        waits_contend: true,
        ..by_function(
            "CPython's GIL",
            "",
            &["take_gil", "drop_gil", "create_gil", "recreate_gil"],
            "CPython Python/ceval_gil.h (3.11), Python/ceval_gil.c (3.12): gil->mutex and gil->cond",
        )
    },
    KnownLock {
        waits_contend: true,
        ..by_datum(
            "CPython's GIL",
            "",
            "_PyRuntime",
            "CPython Include/internal/pycore_gil.h, pycore_runtime.h: _PyRuntime.ceval.gil; its only condition \
             variables",
        )
    },
    by_function(
        "CPython's object allocator",
        "",
        &["_PyMem_*", "_PyObject_Malloc*", "PyObject_Malloc*"],
        "CPython Objects/obmalloc.c",
    ),
    KnownLock {
        is_each_its_own: true,
        ..by_function(
            "a Python lock",
            "",
            &["PyThread_acquire_lock*", "PyThread_release_lock*"],
            "CPython Python/thread_pthread.h: a semaphore, or a mutex with a condition variable",
        )
    },
    KnownLock {
        waits_contend: true,
        ..by_function(
            "PostgreSQL's lightweight locks",
            "postgres",
            &["PGSemaphoreLock"],
            "PostgreSQL src/backend/storage/lmgr/lwlock.c: LWLockAcquire sleeps on the process's semaphore",
        )
    },
    by_datum(
        "malloc's main arena",
        "libc.so",
        "main_arena",
        "glibc malloc/malloc.c, malloc/arena.c",
    ),
    by_function(
        "malloc's arenas",
        "libc.so",
        &[
            "_int_malloc",
            "_int_free",
            "arena_get*",
            "malloc",
            "free",
            "calloc",
            "realloc",
        ],
        "glibc malloc/malloc.c, malloc/arena.c",
    ),
    by_datum(
        "the dynamic loader's lock",
        "ld-linux",
        "_rtld_global",
        "glibc sysdeps/generic/ldsodefs.h: _dl_load_lock, _dl_load_write_lock",
    ),
    by_function(
        "the dynamic loader's lock",
        "",
        &[
            "dl_iterate_phdr",
            "_dl_open*",
            "_dl_close*",
            "_dl_addr",
            "_dl_find_object",
        ],
        "glibc elf/dl-iteratephdr.c, elf/dl-open.c",
    ),
    by_datum(
        "a stdio stream",
        "libc.so",
        "_IO_*",
        "glibc libio/libioP.h: _IO_stdfile_1_lock and others",
    ),
    by_function(
        "a stdio stream",
        "libc.so",
        &[
            "flockfile",
            "_IO_*",
            "fwrite",
            "fputs",
            "printf",
            "puts",
            "fflush",
        ],
        "glibc libio/iofwrite.c, stdio-common/vfprintf-internal.c",
    ),
    by_function(
        "jemalloc's locks",
        "",
        &[
            "je_*",
            "_rjem_*",
            "malloc_mutex_lock*",
            "arena_*",
            "tcache_*",
        ],
        "jemalloc include/jemalloc/internal/mutex.h",
    ),
    by_function(
        "jemalloc's locks",
        "libjemalloc",
        &["*"],
        "by its file, which Debian strips",
    ),
    by_function(
        "tcmalloc's locks",
        "libtcmalloc",
        &["*"],
        "gperftools src/central_freelist.cc, src/page_heap.cc",
    ),
    by_function(
        "libstdc++'s pool of exceptions",
        "libstdc++",
        &[
            "__gnu_cxx::__freeres",
            "__cxa_allocate_exception",
            "__cxa_free_exception",
        ],
        "GCC libstdc++-v3/libsupc++/eh_alloc.cc: emergency_pool",
    ),
    by_function(
        "libstdc++'s locales",
        "libstdc++",
        &["std::locale*"],
        "GCC libstdc++-v3/src/c++98/locale.cc: get_locale_mutex",
    ),
    by_function(
        "the unwinder's table of frames",
        "libgcc_s",
        &[
            "_Unwind_Find_FDE",
            "__register_frame*",
            "__deregister_frame*",
        ],
        "GCC libgcc/unwind-dw2-fde.c: object_mutex",
    ),
    by_function(
        "OpenMP's runtime",
        "libgomp",
        &["*"],
        "GCC libgomp/config/linux/mutex.h, team.c, task.c",
    ),
    by_function(
        "OpenMP's runtime",
        "libomp",
        &["*"],
        "LLVM openmp/runtime/src/z_Linux_util.cpp",
    ),
    by_function(
        "OpenMP's runtime",
        "libiomp5",
        &["*"],
        "LLVM openmp/runtime/src/z_Linux_util.cpp, as Intel builds it",
    ),
    by_function(
        "CUDA's driver",
        "libcuda.so",
        &["*"],
        "by its file: the driver has no source",
    ),
    by_function("CUDA's runtime", "libcudart", &["*"], "by its file"),
    by_function("cuBLAS", "libcublas", &["*"], "by its file"),
    by_function("cuDNN", "libcudnn", &["*"], "by its file"),
    by_function(
        "PyTorch's CUDA allocator",
        "",
        &[
            "c10::cuda::CUDACachingAllocator::*",
            "c10::cuda::*CachingAllocator*",
        ],
        "PyTorch c10/cuda/CUDACachingAllocator.cpp: DeviceCachingAllocator::mutex",
    ),
    by_function(
        "PyTorch's autograd queue",
        "",
        &["torch::autograd::ReadyQueue::*"],
        "PyTorch torch/csrc/autograd/engine.cpp: ReadyQueue::mutex_",
    ),
    by_function(
        "PyTorch's thread pool",
        "",
        &[
            "c10::ThreadPool::*",
            "caffe2::PThreadPool*",
            "pthreadpool_*",
        ],
        "PyTorch c10/core/thread_pool.cpp",
    ),
    by_function(
        "X11's display",
        "libX11",
        &["_XLockDisplay", "_XUnlockDisplay", "XLockDisplay"],
        "libX11 src/locking.c",
    ),
    by_function(
        "OpenSSL's locks",
        "libcrypto",
        &["CRYPTO_THREAD_*"],
        "OpenSSL crypto/threads_pthread.c",
    ),
];

/// The name that a lock has for everybody, by its variable or by who takes it.
///
/// `site` is the call site, the innermost frame first.
pub fn known_lock(datum: Option<&Datum>, site: &[Frame]) -> Option<&'static KnownLock> {
    KNOWN.iter().find(|row| {
        let by_datum = datum.is_some_and(|datum| {
            !row.datum.is_empty()
                && datum.module.starts_with(row.module)
                && datum
                    .symbol
                    .as_ref()
                    .is_some_and(|(name, _)| fits(row.datum, name))
        });
        let by_function = || {
            let caller = site.iter().find(|frame| !is_lock_internal(frame));
            caller.is_some_and(|frame| {
                frame
                    .module
                    .as_deref()
                    .is_some_and(|name| name.starts_with(row.module))
                    && row.functions.iter().any(|&function| match &frame.function {
                        Some(name) => fits(function, name),
                        None => function == "*",
                    })
            })
        };
        by_datum || by_function()
    })
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

/// Beginnings of the names of functions that only pass a call on to the lock.
const INTERNALS: &[&str] = &[
    "pthread_",
    "__pthread_",
    "__gthread_",
    "__gthrw_",
    "std::mutex::",
    "std::__mutex_base::",
    "std::timed_mutex::",
    "std::recursive_mutex::",
    "std::recursive_timed_mutex::",
    "std::shared_mutex::",
    "std::shared_timed_mutex::",
    "std::__shared_mutex_pthread::",
    "std::__glibcxx_rwlock_",
    "std::__timed_mutex_impl",
    "std::lock_guard<",
    "std::unique_lock<",
    "std::scoped_lock<",
    "std::shared_lock<",
    "std::lock<",
    "std::__condvar::",
    "std::condition_variable",
    "std::_V2::condition_variable",
    "std::__detail::__try_lock",
    "std::__atomic_futex_unsigned",
    "std::__1::mutex::",
    "std::__1::lock_guard<",
    "std::__1::unique_lock<",
    "std::__1::condition_variable",
    "std::sys::sync::",
    "std::sys::pal::",
    "std::sys::unix::",
    "std::sys::thread_parking",
    "std::sys_common::",
    "std::sync::poison::",
    "std::sync::mutex::",
    "std::sync::rwlock::",
    "std::sync::condvar::",
    "std::sync::once::",
    "std::sync::mpmc::",
    "std::thread::park",
    "std::thread::current::park",
    "std::thread::thread::Thread>::park",
    "std::thread::scoped::",
    "parking_lot::",
    "parking_lot_core::",
    "lock_api::",
    "core::ops::function",
    "core::option::",
    "core::result::",
    // CPython's, in Python/condvar.h.
    "PyMUTEX_",
    "PyCOND_",
    "mtx_",
    "cnd_",
    "syscall",
];

/// Where GCC and Debian put the headers of libstdc++, whose debug information names functions without `std::`.
const STANDARD_HEADERS: &str = "/include/c++/";

/// Where cargo puts crates of locks, whose functions have no crate before their names if only line tables were kept.
const LOCK_CRATES: [&str; 3] = ["/parking_lot-", "/parking_lot_core-", "/lock_api-"];

/// Whether a frame is part of a lock: a call of it says nothing of who takes the lock.
pub fn is_lock_internal(frame: &Frame) -> bool {
    let is_of_headers = frame.inlined
        && frame
            .file
            .as_deref()
            .is_some_and(|file| file.contains(STANDARD_HEADERS));
    let is_of_crates = frame
        .file
        .as_deref()
        .is_some_and(|file| LOCK_CRATES.iter().any(|name| file.contains(name)));
    is_of_headers
        || is_of_crates
        || frame.function.as_deref().is_some_and(|name| {
            // Rust writes methods of traits as <Type as Trait>::method.
            let name = name.trim_start_matches('<');
            INTERNALS.iter().any(|internal| name.starts_with(internal))
        })
}

/// Parts of the names of functions in which a thread waits for something to happen, and for no lock: what
/// Rust's standard library and `parking_lot` wait for by futexes, besides locks.
const IDLE: &[&str] = &[
    "::condvar::",
    "Condvar",
    "::thread_parking::",
    "::Thread>::park",
    "std::thread::park",
    "std::thread::scoped",
    "std::sync::mpmc::",
    "std::sync::mpsc::",
    "std::sync::barrier::",
];

/// Whether a wait for a futex is idle: the functions of its call site, the innermost first, say so before the one
/// that is no part of a lock.
pub fn is_idle_wait(site: &[Frame]) -> bool {
    site.iter()
        .take_while(|frame| is_lock_internal(frame))
        .filter_map(|frame| frame.function.as_deref())
        .any(|name| IDLE.iter().any(|idle| name.contains(idle)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(module: &str, function: &str) -> Frame {
        Frame {
            function: (!function.is_empty()).then(|| function.to_owned()),
            module: Some(module.to_owned()),
            offset: 0,
            file: None,
            line: None,
            inlined: false,
        }
    }

    fn variable(module: &str, symbol: &str) -> Datum {
        Datum {
            module: module.to_owned(),
            symbol: Some((symbol.to_owned(), 8)),
            part: None,
        }
    }

    #[test]
    fn locks_are_known_by_variable_or_function() {
        let name =
            |datum: Option<&Datum>, site: &[Frame]| known_lock(datum, site).map(|row| row.name);
        // A stripped interpreter still exports its variable.
        let gil = variable("python3.11", "_PyRuntime");
        assert_eq!(
            name(Some(&gil), &[frame("python3.11", "")]),
            Some("CPython's GIL")
        );
        assert_eq!(
            name(None, &[frame("libpython3.11.so.1.0", "take_gil")]),
            Some("CPython's GIL")
        );
        let arena = variable("libc.so.6", "main_arena");
        assert_eq!(name(Some(&arena), &[]), Some("malloc's main arena"));
        // A user's own variable of that name is none.
        assert_eq!(name(Some(&variable("prog", "main_arena")), &[]), None);
        assert_eq!(
            name(None, &[frame("libcuda.so.570.1", "")]),
            Some("CUDA's driver")
        );
        assert_eq!(name(None, &[frame("prog", "")]), None);
        assert_eq!(
            name(None, &[frame("prog", "free")]),
            None,
            "malloc's only in the C library"
        );
    }

    #[test]
    fn the_function_behind_the_lock_counts() {
        let site = [
            frame("libstdc++.so.6", "std::mutex::lock"),
            frame("libstdc++.so.6", "std::locale::classic"),
        ];
        assert_eq!(
            known_lock(None, &site).map(|row| row.name),
            Some("libstdc++'s locales")
        );
        assert!(is_lock_internal(&frame(
            "x",
            "<parking_lot::raw_mutex::RawMutex as lock_api::X>::lock"
        )));
        assert!(!is_lock_internal(&frame(
            "x",
            "std::vector<int>::push_back"
        )));
        let of_line_tables = |file: &str| Frame {
            file: Some(file.to_owned()),
            ..frame("x", "futex_wait")
        };
        assert!(is_lock_internal(&of_line_tables(
            "registry/src/index/parking_lot_core-0.9.12/src/thread_parker/linux.rs"
        )));
        assert!(!is_lock_internal(&of_line_tables("src/linux.rs")));
    }

    #[test]
    fn waiting_for_a_condition_of_rust_is_idle() {
        let site = |functions: &[&str]| -> Vec<Frame> {
            functions.iter().map(|name| frame("prog", name)).collect()
        };
        assert!(is_idle_wait(&site(&[
            "std::sys::pal::unix::futex::futex_wait",
            "std::sys::sync::condvar::futex::Condvar::wait_optional_timeout",
            "prog::main",
        ])));
        assert!(!is_idle_wait(&site(&[
            "std::sys::pal::unix::futex::futex_wait",
            "std::sys::sync::mutex::futex::Mutex::lock_contended",
            "prog::Condvar::of_its_own",
        ])));
        assert!(!is_idle_wait(&[]));
    }

    #[test]
    fn every_row_says_where_it_is_from() {
        for row in KNOWN {
            assert!(!row.source.is_empty() && !row.name.is_empty(), "{row:?}");
            assert!(
                !row.datum.is_empty() || !row.functions.is_empty(),
                "{row:?}"
            );
            // A file's name or a function's is needed.
            assert!(!row.module.is_empty() || row.functions != ["*"], "{row:?}");
        }
    }
}
