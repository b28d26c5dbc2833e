//! What the tests of all devices share.

pub(crate) mod calls;
pub(crate) mod kernels;
pub(crate) mod misuse;
