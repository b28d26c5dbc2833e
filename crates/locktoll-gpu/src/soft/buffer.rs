//! Buffers of the soft device: plain memory of this process.

use std::sync::Arc;

use parking_lot::RwLock;

/// A buffer of a [`SoftDevice`](crate::SoftDevice). A copy of the handle is the same buffer.
///
/// The contents are shared by reference count and copied only if a kernel writes what another
/// still reads. So a kernel locks nothing but the one buffer that it writes, and kernels of
/// several engines cannot deadlock, whatever buffers they share.
#[derive(Clone, Debug)]
pub struct SoftBuffer(Arc<RwLock<Arc<[f32]>>>);

impl SoftBuffer {
    pub(crate) fn new(contents: &[f32]) -> Self {
        Self(Arc::new(RwLock::new(contents.into())))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.read().len()
    }

    /// The contents as they are now, unchanged by later writes.
    pub(crate) fn snapshot(&self) -> Arc<[f32]> {
        Arc::clone(&self.0.read())
    }

    pub(crate) fn write(&self, change: impl FnOnce(&mut [f32])) {
        change(Arc::make_mut(&mut self.0.write()));
    }
}
