//! Calls of methods that are named at run time, with arguments that are told apart.

use core::ffi::{CStr, c_char, c_void};
use core::ptr;
use std::ffi::CString;

use objc2::msg_send;
use objc2::runtime::{AnyClass, AnyObject, Sel};

use super::metal::{Id, Object};

/// Objects and arrays that calls are given; the same for all calls, since what a driver is given
/// includes addresses.
pub(crate) struct Arguments {
    /// Objects of different arguments are different. The driver looks into buffers and pipelines.
    buffers: [Object; 3],
    pipeline: Object,
    event: Object,
    /// What pointers lead to, of the first, second and third pointer of a call.
    arrays: [[usize; 32]; 3],
}

impl Arguments {
    pub(crate) fn new(device: &Object) -> Self {
        // SAFETY: a device's methods.
        let buffer =
            || unsafe { msg_send![device.id(), newBufferWithLength: 4096_usize, options: 0_usize] };
        let buffers: [Object; 3] = core::array::from_fn(|_| Object::owned(buffer()));
        // SAFETY: a device; without a kernel the pipeline asks nothing of its arguments.
        let pipeline = unsafe {
            locktoll_objc_driver::new_pipeline(device.id().cast(), None, [0; 4], 0).cast()
        };
        let mut arrays = [[0; 32]; 3];
        for (index, word) in arrays[0].iter_mut().enumerate() {
            *word = buffers[index % 3].id().addr();
        }
        arrays[1] = core::array::from_fn(|index| 16 + index);
        arrays[2] = core::array::from_fn(|index| 96 + index);
        Arguments {
            pipeline: Object::owned(pipeline),
            // SAFETY: a device's method.
            event: Object::owned(unsafe { msg_send![device.id(), newEvent] }),
            arrays,
            buffers,
        }
    }

    /// The bytes of an argument of a type, no two of a call alike.
    fn of(&self, encoding: &[u8], selector: &str, index: usize, pointers: &mut usize) -> [u64; 8] {
        let small = |from: usize| core::array::from_fn(|word| (from + word) as u64);
        match encoding.first() {
            Some(b'@') => {
                let object = if selector.ends_with("PipelineState:") {
                    &self.pipeline
                } else if selector.contains("Event:") {
                    &self.event
                } else {
                    &self.buffers[index % 3]
                };
                [object.id().addr() as u64; 8]
            }
            Some(b'^' | b'r') => {
                let array = &self.arrays[*pointers % 3];
                *pointers += 1;
                [array.as_ptr().addr() as u64; 8]
            }
            Some(b'f') => [u64::from((index as f32 + 0.5).to_bits()); 8],
            Some(b'{') if encoding.starts_with(b"{_NSRange") => [1, 2, 0, 0, 0, 0, 0, 0],
            Some(b'{') => small(index),
            // A switch or a byte: all its bits.
            Some(b'C' | b'c' | b'B') => [200; 8],
            _ => small(1 + index),
        }
    }

    /// Calls a method; the object that it returns, or null.
    pub(crate) fn call(&self, object: &Object, selector: &str) -> Id {
        let name = CString::new(selector).expect("no zero");
        let method = Sel::register(&name);
        let class = AnyClass::get(c"NSInvocation").expect("the base library has it");
        // SAFETY: a live object that has the method; the arguments are of the types that its own
        // signature says, and what they lead to lives as long as this.
        unsafe {
            let signature: Id = msg_send![object.id(), methodSignatureForSelector: method];
            assert!(!signature.is_null(), "{selector}");
            let invocation: Id = msg_send![class, invocationWithMethodSignature: signature];
            let () = msg_send![invocation, setTarget: object.id()];
            let () = msg_send![invocation, setSelector: method];
            let count: usize = msg_send![signature, numberOfArguments];
            let mut pointers = 0;
            for index in 2..count {
                let encoding: *const c_char = msg_send![signature, getArgumentTypeAtIndex: index];
                let encoding = CStr::from_ptr(encoding).to_bytes();
                let words = self.of(encoding, selector, index, &mut pointers);
                let place: *const c_void = words.as_ptr().cast();
                let () = msg_send![invocation, setArgument: place.cast_mut(), atIndex: index];
            }
            let () = msg_send![invocation, invoke];
            let length: usize = msg_send![signature, methodReturnLength];
            let mut returned: *mut AnyObject = ptr::null_mut();
            if length > 0 {
                let place: *mut c_void = ptr::from_mut(&mut returned).cast();
                let () = msg_send![invocation, getReturnValue: place];
            }
            returned
        }
    }
}
