//! Every selector of the specification is there, is called, and takes effect.

use std::ffi::CString;
use std::ptr;

use locktoll_objc_driver::{Group, Pool, counts};
use objc2::runtime::{AnyClass, AnyObject, Sel};
use objc2::{msg_send, sel};

use crate::alone;
use crate::metal::{self, Object, Size};

const COMPUTE: [&str; 43] = [
    "setComputePipelineState:",
    "setBytes:length:atIndex:",
    "setBytes:length:attributeStride:atIndex:",
    "setBuffer:offset:atIndex:",
    "setBuffer:offset:attributeStride:atIndex:",
    "setBufferOffset:atIndex:",
    "setBufferOffset:attributeStride:atIndex:",
    "setBuffers:offsets:withRange:",
    "setBuffers:offsets:attributeStrides:withRange:",
    "setTexture:atIndex:",
    "setTextures:withRange:",
    "setSamplerState:atIndex:",
    "setSamplerStates:withRange:",
    "setSamplerState:lodMinClamp:lodMaxClamp:atIndex:",
    "setSamplerStates:lodMinClamps:lodMaxClamps:withRange:",
    "setThreadgroupMemoryLength:atIndex:",
    "setImageblockWidth:height:",
    "setStageInRegion:",
    "setStageInRegionWithIndirectBuffer:indirectBufferOffset:",
    "setVisibleFunctionTable:atBufferIndex:",
    "setVisibleFunctionTables:withBufferRange:",
    "setIntersectionFunctionTable:atBufferIndex:",
    "setIntersectionFunctionTables:withBufferRange:",
    "setAccelerationStructure:atBufferIndex:",
    "dispatchThreadgroups:threadsPerThreadgroup:",
    "dispatchThreadgroupsWithIndirectBuffer:indirectBufferOffset:threadsPerThreadgroup:",
    "dispatchThreads:threadsPerThreadgroup:",
    "updateFence:",
    "waitForFence:",
    "useResource:usage:",
    "useResources:count:usage:",
    "useHeap:",
    "useHeaps:count:",
    "executeCommandsInBuffer:withRange:",
    "executeCommandsInBuffer:indirectBuffer:indirectBufferOffset:",
    "memoryBarrierWithScope:",
    "memoryBarrierWithResources:count:",
    "sampleCountersInBuffer:atSampleIndex:withBarrier:",
    "dispatchWaitFlush",
    "dispatchFlushInvalidate",
    "dispatchFlushOnly",
    "dispatchInvalidateOnly",
    "dispatchFenceOnly",
];

const BLIT: [&str; 25] = [
    "fillBuffer:range:value:",
    "generateMipmapsForTexture:",
    "synchronizeResource:",
    "synchronizeTexture:slice:level:",
    "copyFromBuffer:sourceOffset:toBuffer:destinationOffset:size:",
    "copyFromBuffer:sourceOffset:sourceBytesPerRow:sourceBytesPerImage:sourceSize:toTexture:\
     destinationSlice:destinationLevel:destinationOrigin:",
    "copyFromBuffer:sourceOffset:sourceBytesPerRow:sourceBytesPerImage:sourceSize:toTexture:\
     destinationSlice:destinationLevel:destinationOrigin:options:",
    "copyFromTexture:toTexture:",
    "copyFromTexture:sourceSlice:sourceLevel:toTexture:destinationSlice:destinationLevel:sliceCount:\
     levelCount:",
    "copyFromTexture:sourceSlice:sourceLevel:sourceOrigin:sourceSize:toTexture:destinationSlice:\
     destinationLevel:destinationOrigin:",
    "copyFromTexture:sourceSlice:sourceLevel:sourceOrigin:sourceSize:toBuffer:destinationOffset:\
     destinationBytesPerRow:destinationBytesPerImage:",
    "copyFromTexture:sourceSlice:sourceLevel:sourceOrigin:sourceSize:toBuffer:destinationOffset:\
     destinationBytesPerRow:destinationBytesPerImage:options:",
    "optimizeContentsForGPUAccess:",
    "optimizeContentsForGPUAccess:slice:level:",
    "optimizeContentsForCPUAccess:",
    "optimizeContentsForCPUAccess:slice:level:",
    "resetCommandsInBuffer:withRange:",
    "copyIndirectCommandBuffer:sourceRange:destination:destinationIndex:",
    "optimizeIndirectCommandBuffer:withRange:",
    "getTextureAccessCounters:region:mipLevel:slice:resetCounters:countersBuffer:\
     countersBufferOffset:",
    "resetTextureAccessCounters:region:mipLevel:slice:",
    "sampleCountersInBuffer:atSampleIndex:withBarrier:",
    "resolveCounters:inRange:destinationBuffer:destinationOffset:",
    "updateFence:",
    "waitForFence:",
];

const RENDER: [&str; 12] = [
    "setRenderPipelineState:",
    "setViewport:",
    "setScissorRect:",
    "setVertexBuffer:offset:atIndex:",
    "setFragmentBuffer:offset:atIndex:",
    "setVertexBytes:length:atIndex:",
    "setFragmentBytes:length:atIndex:",
    "setVertexTexture:atIndex:",
    "setFragmentTexture:atIndex:",
    "drawPrimitives:vertexStart:vertexCount:",
    "drawPrimitives:vertexStart:vertexCount:instanceCount:",
    "drawIndexedPrimitives:indexCount:indexType:indexBuffer:indexBufferOffset:",
];

const RESOURCE_STATE: [&str; 3] = [
    "updateTextureMapping:mode:region:mipLevel:slice:",
    "updateFence:",
    "waitForFence:",
];

const ACCELERATION: [&str; 4] = [
    "buildAccelerationStructure:descriptor:scratchBuffer:scratchBufferOffset:",
    "copyAccelerationStructure:toAccelerationStructure:",
    "updateFence:",
    "waitForFence:",
];

const FACTORIES: [(&str, &str); 11] = [
    ("computeCommandEncoder", "LTComputeContext"),
    ("computeCommandEncoderWithDispatchType:", "LTComputeContext"),
    ("computeCommandEncoderWithDescriptor:", "LTComputeContext"),
    ("blitCommandEncoder", "LTBlitContext"),
    ("blitCommandEncoderWithDescriptor:", "LTBlitContext"),
    ("renderCommandEncoderWithDescriptor:", "LTRenderContext"),
    (
        "parallelRenderCommandEncoderWithDescriptor:",
        "LTParallelRenderContext",
    ),
    ("resourceStateCommandEncoder", "LTResourceStateContext"),
    (
        "resourceStateCommandEncoderWithDescriptor:",
        "LTResourceStateContext",
    ),
    (
        "accelerationStructureCommandEncoder",
        "LTAccelerationStructureContext",
    ),
    (
        "accelerationStructureCommandEncoderWithDescriptor:",
        "LTAccelerationStructureContext",
    ),
];

fn selector(name: &str) -> Sel {
    Sel::register(&CString::new(name).unwrap())
}

/// Calls a method of an object with all its arguments zero; what it returns, if that is an object.
fn invoke(object: &Object, name: &str) -> *mut AnyObject {
    let selector = selector(name);
    let class = AnyClass::get(c"NSInvocation").unwrap();
    // SAFETY: a live object that has the method, which takes zeros for nothing.
    unsafe {
        let signature: *mut AnyObject = msg_send![object.0, methodSignatureForSelector: selector];
        assert!(!signature.is_null(), "{name}");
        let invocation: *mut AnyObject = msg_send![class, invocationWithMethodSignature: signature];
        let () = msg_send![invocation, setTarget: object.0];
        let () = msg_send![invocation, setSelector: selector];
        let () = msg_send![invocation, invoke];
        let length: usize = msg_send![signature, methodReturnLength];
        let mut returned: *mut AnyObject = ptr::null_mut();
        if length > 0 {
            let place: *mut std::ffi::c_void = ptr::from_mut(&mut returned).cast();
            let () = msg_send![invocation, getReturnValue: place];
        }
        returned
    }
}

/// Calls each method of the encoder that a factory makes, and ends it.
fn check(queue: &Object, factory: &str, names: &[&str], group: Group) {
    let before = counts();
    let encoder = Object::retained(invoke(&metal::command_buffer(queue), factory));
    for name in names {
        // An empty threadgroup is refused.
        if *name == "dispatchThreads:threadsPerThreadgroup:" {
            metal::dispatch(&encoder, 1);
        } else {
            invoke(&encoder, name);
        }
    }
    assert_eq!(
        counts().of(group) - before.of(group),
        names.len() as u64,
        "{group:?}"
    );
    metal::end(&encoder);
}

#[test]
fn every_method_of_every_encoder_takes_effect() {
    let _alone = alone();
    let _pool = Pool::new();
    let queue = metal::queue(&metal::device());
    check(&queue, "computeCommandEncoder", &COMPUTE, Group::Compute);
    check(&queue, "blitCommandEncoder", &BLIT, Group::Blit);
    let render = "renderCommandEncoderWithDescriptor:";
    check(&queue, render, &RENDER, Group::Render);
    let resource_state = "resourceStateCommandEncoder";
    check(
        &queue,
        resource_state,
        &RESOURCE_STATE,
        Group::ResourceState,
    );
    let acceleration = "accelerationStructureCommandEncoder";
    check(&queue, acceleration, &ACCELERATION, Group::Acceleration);
}

#[test]
fn a_parallel_encoder_opens_render_encoders_side_by_side() {
    let _alone = alone();
    let _pool = Pool::new();
    let commands = metal::command_buffer(&metal::queue(&metal::device()));
    let parallel = invoke(&commands, "parallelRenderCommandEncoderWithDescriptor:");
    let parallel = Object::retained(parallel);
    let children = [(); 2].map(|()| Object::retained(invoke(&parallel, "renderCommandEncoder")));
    for child in &children {
        assert_eq!(child.class(), "LTRenderContext");
        metal::end(child);
    }
    metal::end(&parallel);
    metal::commit(&commands);
    assert_eq!(counts().of(Group::Parallel), 2);
}

#[test]
fn every_factory_makes_its_class_also_through_the_wrapping_command_buffer() {
    let _alone = alone();
    let _pool = Pool::new();
    let queue = metal::queue(&metal::device());
    for make in [metal::command_buffer, metal::mps_command_buffer] {
        for (name, class) in FACTORIES {
            let encoder = Object::retained(invoke(&make(&queue), name));
            assert_eq!(encoder.class(), class, "{name}");
            // The deferred form ends as well.
            invoke(&encoder, "deferredEndEncoding");
        }
    }
    let counts = counts();
    assert_eq!(counts.of(Group::Factory), 22);
    assert_eq!((counts.of(Group::End), counts.encoders_ended), (22, 22));
}

#[test]
fn structures_are_encoded_as_metal_s_are() {
    let compute = AnyClass::get(c"LTComputeContext").unwrap();
    let blit = AnyClass::get(c"LTBlitContext").unwrap();
    for (class, selector, argument, encoding) in [
        (
            compute,
            sel!(dispatchThreads:threadsPerThreadgroup:),
            2,
            "{?=QQQ}",
        ),
        (
            compute,
            sel!(setBuffers:offsets:withRange:),
            4,
            "{_NSRange=QQ}",
        ),
        (compute, sel!(setStageInRegion:), 2, "{?={?=QQQ}{?=QQQ}}"),
        (blit, sel!(fillBuffer:range:value:), 4, "C"),
    ] {
        let method = class.instance_method(selector).unwrap();
        let said = method.argument_type(argument).unwrap();
        // GCC leaves the argument's place behind its type.
        let said = said.to_str().unwrap();
        assert_eq!(
            said.trim_end_matches(|c: char| c.is_ascii_digit()),
            encoding
        );
    }
    assert_eq!(size_of::<Size>(), 24);
}

#[test]
fn methods_are_inherited_where_the_real_driver_inherits_them() {
    let declares = |class: &str, name: &str| {
        let class = AnyClass::get(&CString::new(class).unwrap()).unwrap();
        let methods = class.instance_methods();
        methods.iter().any(|method| method.name() == selector(name))
    };
    for (class, name, own) in [
        ("LTComputeContext", "dealloc", false),
        ("LTComputeContext", "destroyImpl", true),
        ("LTComputeContext", "endEncoding", true),
        ("LTBlitContext", "endEncoding", false),
        ("LTBlitContext", "dealloc", false),
        ("LTRenderContext", "dealloc", true),
        ("LTRenderContext", "destroyImpl", false),
        ("LTResourceStateContext", "endEncoding", false),
        ("LTAccelerationStructureContext", "dealloc", true),
        ("LTComputeContextDebug", "setTexture:atIndex:", false),
        ("LTComputeContextDebug", "setBuffer:offset:atIndex:", true),
        ("LTContext", "dealloc", true),
    ] {
        assert_eq!(declares(class, name), own, "{class} {name}");
    }
}
