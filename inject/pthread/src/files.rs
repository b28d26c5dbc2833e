//! The names of a process's files: `FOLDER/PID-N.trace` and `.maps`, where N counts the programs that
//! one process has run by `exec`.

use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use rustix::fs::{Access, CWD, RenameFlags, access, rename, renameat_with};
use rustix::io::Errno;

use crate::settings::PATH;

static FOLDER: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());
static FOLDER_LENGTH: AtomicUsize = AtomicUsize::new(0);
/// The process and the ordinal of the file that is written.
static NAME: [AtomicU32; 2] = [AtomicU32::new(0), AtomicU32::new(0)];

/// Where all files go.
pub(crate) fn go_to(folder: &'static [u8]) {
    FOLDER_LENGTH.store(folder.len(), Ordering::Relaxed);
    FOLDER.store(folder.as_ptr().cast_mut(), Ordering::Release);
}

/// The path of a file.
pub(crate) struct Path {
    bytes: [u8; PATH + 64],
    length: usize,
}

impl Path {
    fn of(process: u32, ordinal: u32, extension: &[u8]) -> Path {
        let mut path = Path {
            bytes: [0; PATH + 64],
            length: 0,
        };
        let folder = FOLDER.load(Ordering::Acquire);
        let length = FOLDER_LENGTH.load(Ordering::Relaxed);
        if !folder.is_null() {
            // SAFETY: `go_to` stored both, of a slice that stays.
            path.push(unsafe { core::slice::from_raw_parts(folder, length) });
        }
        path.push(b"/");
        path.number(process);
        path.push(b"-");
        path.number(ordinal);
        path.push(extension);
        path
    }

    fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if let Some(place) = self.bytes.get_mut(self.length) {
                *place = byte;
                self.length += 1;
            }
        }
    }

    fn number(&mut self, number: u32) {
        let mut digits = [0; 10];
        let mut first = digits.len();
        let mut rest = number;
        loop {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.push(&digits[first..]);
    }

    /// Without a zero inside, since the environment's strings have none.
    pub(crate) fn as_c_str(&self) -> Option<&core::ffi::CStr> {
        core::ffi::CStr::from_bytes_with_nul(self.bytes.get(..=self.length)?).ok()
    }
}

/// Where a new file is made, so that whoever lists the folder sees whole recordings only. `number`
/// tells two processes apart that have one number, in namespaces of their own.
pub(crate) fn temporary(process: u32, number: u32) -> Path {
    Path::of(process, number, b".new")
}

/// Gives a new file the first name of its process that is free.
pub(crate) fn publish(new: &Path, process: u32) -> Option<()> {
    let from = new.as_c_str()?;
    for ordinal in 0..100_000 {
        let path = Path::of(process, ordinal, b".trace");
        let to = path.as_c_str()?;
        let renamed = match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // Not every file system knows how.
            Err(Errno::INVAL | Errno::NOSYS) => match access(to, Access::EXISTS) {
                Err(Errno::NOENT) => rename(from, to),
                _ => Err(Errno::EXIST),
            },
            renamed => renamed,
        };
        match renamed {
            Ok(()) => {
                NAME[0].store(process, Ordering::Relaxed);
                NAME[1].store(ordinal, Ordering::Relaxed);
                return Some(());
            }
            Err(Errno::EXIST) => {}
            Err(_) => return None,
        }
    }
    None
}

/// The path of the file that is written, with another extension.
pub(crate) fn path(extension: &[u8]) -> Path {
    let [process, ordinal] = &NAME;
    Path::of(
        process.load(Ordering::Relaxed),
        ordinal.load(Ordering::Relaxed),
        extension,
    )
}
