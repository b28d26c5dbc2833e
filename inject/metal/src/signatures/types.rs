//! The types of arguments in Metal's methods, as they are passed by value.

use core::ffi::c_void;

use objc2::encode::{Encode, Encoding};
pub(crate) use objc2::runtime::{AnyObject, Bool, Sel};

/// An object, or null; of blocks, too, only the pointer is passed on.
pub(crate) type Id = *mut AnyObject;
/// What leads to memory of the caller's.
pub(crate) type Pointer = *const c_void;
/// `NSUInteger`, and every enumeration and address that is as wide.
pub(crate) type UInt = usize;
/// `NSInteger`.
pub(crate) type Int = isize;

/// Structures that are passed by value, with their fields' types.
macro_rules! structures {
    ($( $(#[$doc:meta])* $name:ident($($field:ty),*); )*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy)]
            #[repr(C)]
            pub(crate) struct $name($(pub(crate) $field),*);

            // SAFETY: a C structure of these fields, in this order. Its name is not compared, since
            // most of Metal's have none.
            unsafe impl Encode for $name {
                const ENCODING: Encoding = Encoding::Struct("?", &[$(<$field>::ENCODING),*]);
            }
        )*
    };
}

structures! {
    /// `NSRange`.
    Range(UInt, UInt);
    /// `MTLSize`, and `MTLOrigin`, which has the same form.
    Size(UInt, UInt, UInt);
    /// `MTLRegion`.
    Region(Size, Size);
    /// `MTLViewport`.
    Viewport(f64, f64, f64, f64, f64, f64);
    /// `MTLScissorRect`.
    ScissorRect(UInt, UInt, UInt, UInt);
}
