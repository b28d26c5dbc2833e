//! What the child processes do. Each prints lines that begin with `client:`.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Barrier;
use std::sync::mpsc;
use std::thread;

use ash::vk;

use super::client::{Program, Recorded, expected};

/// Runs a program by its name.
pub(crate) fn run(name: &str) -> Recorded {
    match name {
        "counted" => counted(),
        "shared-pool" => shared_pool(),
        "everything" => everything(),
        "idle" => idle(),
        "reset" => reset(),
        "ending" => ending(),
        _ => panic!("no program {name}"),
    }
}

fn say(what: &str, correct: bool) {
    println!(
        "client: {what} {}",
        if correct { "correct" } else { "wrong" }
    );
}

pub(crate) const DISPATCHES: u32 = 10;
pub(crate) const SUBMISSIONS: u32 = 3;

/// One thread, and few enough calls that a person can count the locks.
fn counted() -> Recorded {
    let program = Program::new()?;
    let data = program.data()?;
    let pool = program.pool()?;
    let buffer = program.buffers(pool, vk::CommandBufferLevel::PRIMARY, 1)?[0];
    let fence = program.fence()?;
    program.record(buffer, &data, DISPATCHES)?;
    for _ in 0..SUBMISSIONS {
        program.submit(&[buffer], fence)?;
        program.finish(fence)?;
    }
    // SAFETY: this is a valid use of Vulkan, call by call.
    unsafe {
        program.device.device_wait_idle()?;
        program.device.queue_wait_idle(program.queue)?;
        say("counted", data.read() == expected(DISPATCHES * SUBMISSIONS));
        program.device.destroy_fence(fence, None);
        program.device.destroy_command_pool(pool, None);
    }
    program.free(&data);
    program.destroy();
    Ok(())
}

/// Two threads that record into buffers of one pool and submit to one queue, which only a lock
/// below them makes valid.
fn shared_pool() -> Recorded {
    const THREADS: usize = 2;
    const ROUNDS: u32 = 100;
    let program = Program::new()?;
    let pool = program.pool()?;
    let buffers = program.buffers(pool, vk::CommandBufferLevel::PRIMARY, 2)?;
    let data = [program.data()?, program.data()?];
    let start = Barrier::new(THREADS);
    let work = |index: usize| -> Recorded {
        let fence = program.fence()?;
        start.wait();
        for _ in 0..ROUNDS {
            program.record(buffers[index], &data[index], DISPATCHES)?;
            program.submit(&[buffers[index]], fence)?;
            program.finish(fence)?;
        }
        // SAFETY: the fence is in nobody's use.
        unsafe { program.device.destroy_fence(fence, None) };
        Ok(())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|index| scope.spawn(move || work(index)))
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().expect("no panic"))
    })?;
    for data in &data {
        say("shared", data.read() == expected(ROUNDS * DISPATCHES));
    }
    // SAFETY: all work is done.
    unsafe { program.device.destroy_command_pool(pool, None) };
    for data in &data {
        program.free(data);
    }
    program.destroy();
    Ok(())
}

/// Commands of every kind that is hooked and that this device has.
fn everything() -> Recorded {
    let program = Program::new()?;
    let device = &program.device;
    let data = program.data()?;
    let pool = program.pool()?;
    let primary = program.buffers(pool, vk::CommandBufferLevel::PRIMARY, 2)?;
    let secondary = program.buffers(pool, vk::CommandBufferLevel::SECONDARY, 1)?[0];
    let fence = program.fence()?;
    // SAFETY: this is a valid use of Vulkan, call by call.
    unsafe {
        let event = device.create_event(&vk::EventCreateInfo::default(), None)?;
        let semaphore = device.create_semaphore(&vk::SemaphoreCreateInfo::default(), None)?;
        let cache = device.create_pipeline_cache(&vk::PipelineCacheCreateInfo::default(), None)?;
        let other = device.create_pipeline_cache(&vk::PipelineCacheCreateInfo::default(), None)?;
        device.merge_pipeline_caches(cache, &[other])?;

        let inheritance = vk::CommandBufferInheritanceInfo::default();
        let info = vk::CommandBufferBeginInfo::default().inheritance_info(&inheritance);
        device.begin_command_buffer(secondary, &info)?;
        program.record_inside(secondary, &data, 2);
        device.end_command_buffer(secondary)?;

        let stage = vk::PipelineStageFlags::COMPUTE_SHADER;
        let stages = [stage];
        device.begin_command_buffer(primary[0], &vk::CommandBufferBeginInfo::default())?;
        device.cmd_execute_commands(primary[0], &[secondary]);
        program.barrier(primary[0]);
        device.cmd_set_event(primary[0], event, stage);
        device.end_command_buffer(primary[0])?;

        device.set_event(event)?;
        device.reset_event(event)?;
        let signal = [semaphore];
        let first = vk::SubmitInfo::default()
            .command_buffers(&primary[..1])
            .signal_semaphores(&signal);
        device.queue_submit(program.queue, &[first], vk::Fence::null())?;
        program.record(primary[1], &data, 3)?;
        let second = vk::SubmitInfo::default()
            .command_buffers(&primary[1..])
            .wait_semaphores(&signal)
            .wait_dst_stage_mask(&stages);
        device.queue_submit(program.queue, &[second], fence)?;
        program.finish(fence)?;
        say("everything", data.read() == expected(5));
        say("event", device.get_event_status(event)?);

        device.reset_command_buffer(primary[1], vk::CommandBufferResetFlags::empty())?;
        program.record(primary[1], &data, 1)?;
        program.submit(&primary[1..], fence)?;
        device.device_wait_idle()?;
        say("device idle", device.get_fence_status(fence)?);
        say("everything", data.read() == expected(6));
        program.finish(fence)?;
        program.submit(&primary[1..], fence)?;
        device.queue_wait_idle(program.queue)?;
        say("queue idle", device.get_fence_status(fence)?);
        program.finish(fence)?;
        say("everything", data.read() == expected(7));

        device.reset_command_pool(pool, vk::CommandPoolResetFlags::empty())?;
        device.free_command_buffers(pool, &primary);
        device.destroy_event(event, None);
        device.destroy_semaphore(semaphore, None);
        device.destroy_pipeline_cache(cache, None);
        device.destroy_pipeline_cache(other, None);
        device.destroy_fence(fence, None);
        device.destroy_command_pool(pool, None);
        device.free_descriptor_sets(data.descriptor_pool(), &[data.set])?;
        device.reset_descriptor_pool(
            data.descriptor_pool(),
            vk::DescriptorPoolResetFlags::empty(),
        )?;
    }
    println!("client: data {:?}", data.read());
    program.free(&data);
    program.destroy();
    Ok(())
}

/// One thread waits for the queue, which waits for a semaphore, which the other thread signals only
/// after it has submitted to the same queue.
fn idle() -> Recorded {
    let program = Program::new()?;
    let device = &program.device;
    let data = program.data()?;
    let pool = program.pool()?;
    let buffers = program.buffers(pool, vk::CommandBufferLevel::PRIMARY, 2)?;
    // SAFETY: this is a valid use of Vulkan, call by call.
    unsafe {
        let mut kind =
            vk::SemaphoreTypeCreateInfo::default().semaphore_type(vk::SemaphoreType::TIMELINE);
        let info = vk::SemaphoreCreateInfo::default().push_next(&mut kind);
        let semaphore = device.create_semaphore(&info, None)?;
        program.record(buffers[0], &data, 1)?;
        let (waits, stages) = ([semaphore], [vk::PipelineStageFlags::ALL_COMMANDS]);
        let mut values = vk::TimelineSemaphoreSubmitInfo::default().wait_semaphore_values(&[1]);
        let batch = vk::SubmitInfo::default()
            .command_buffers(&buffers[..1])
            .wait_semaphores(&waits)
            .wait_dst_stage_mask(&stages)
            .push_next(&mut values);
        device.queue_submit(program.queue, &[batch], vk::Fence::null())?;
        thread::scope(|scope| -> Recorded {
            let (about_to_wait, wait) = mpsc::channel();
            let program = &program;
            let waiting = scope.spawn(move || {
                about_to_wait.send(()).expect("is awaited");
                program.device.queue_wait_idle(program.queue)
            });
            wait.recv().expect("is sent");
            // Long enough that the other thread waits now, on most days; if not, the test proves
            // less, and is not wrong.
            thread::sleep(std::time::Duration::from_millis(100));
            program.record(buffers[1], &data, 1)?;
            program.submit(&buffers[1..], vk::Fence::null())?;
            let info = vk::SemaphoreSignalInfo::default()
                .semaphore(semaphore)
                .value(1);
            device.signal_semaphore(&info)?;
            waiting.join().expect("no panic")
        })?;
        device.device_wait_idle()?;
        // Two submissions of one queue without a barrier between: only the first is certain.
        say("idle", data.read() != expected(0));
        device.destroy_semaphore(semaphore, None);
        device.destroy_command_pool(pool, None);
    }
    program.free(&data);
    program.destroy();
    Ok(())
}

/// Asks for a new count in the midst of its work, as a benchmark does from outside.
fn reset() -> Recorded {
    let folder = std::env::var_os("LOCKTOLL_TRACE_DIR").expect("is set");
    let trace = Path::new(&folder).join(format!("{}.trace", std::process::id()));
    let program = Program::new()?;
    let data = program.data()?;
    let pool = program.pool()?;
    let buffer = program.buffers(pool, vk::CommandBufferLevel::PRIMARY, 1)?[0];
    let fence = program.fence()?;
    program.record(buffer, &data, 1)?;
    for submission in 0..5 {
        if submission == 2 {
            let number = locktoll_trace::request_reset(&trace).expect("the layer writes it");
            say("asked", number == 1);
        }
        program.submit(&[buffer], fence)?;
        program.finish(fence)?;
    }
    // SAFETY: all work is done.
    unsafe {
        program.device.destroy_fence(fence, None);
        program.device.destroy_command_pool(pool, None);
    }
    program.free(&data);
    program.destroy();
    Ok(())
}

/// Work that is left to the end of a thread, as a C++ program's `thread_local` objects leave it.
struct AtTheEnd(RefCell<Option<Box<dyn FnOnce()>>>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        if let Some(work) = self.0.take() {
            work();
        }
    }
}

thread_local! {
    static AT_THE_END: AtTheEnd = const { AtTheEnd(RefCell::new(None)) };
}

/// A thread that encodes, submits and destroys its pool while its own values are being destroyed.
fn ending() -> Recorded {
    let program: &Program = Box::leak(Box::new(Program::new()?));
    let data = &*Box::leak(Box::new(program.data()?));
    let encoder = thread::spawn(move || -> Recorded {
        // First, so that it is destroyed last: after whatever the layer keeps in a thread.
        AT_THE_END.with(|_| ());
        let pool = program.pool()?;
        let buffer = program.buffers(pool, vk::CommandBufferLevel::PRIMARY, 1)?[0];
        let fence = program.fence()?;
        program.record(buffer, data, 1)?;
        program.submit(&[buffer], fence)?;
        program.finish(fence)?;
        let work = move || -> Recorded {
            program.record(buffer, data, 1)?;
            program.submit(&[buffer], fence)?;
            program.finish(fence)?;
            // SAFETY: all work is done.
            unsafe {
                program.device.destroy_fence(fence, None);
                program.device.destroy_command_pool(pool, None);
            }
            Ok(())
        };
        let ending = move || work().expect("is as valid as before");
        AT_THE_END.with(|last| *last.0.borrow_mut() = Some(Box::new(ending)));
        Ok(())
    });
    encoder.join().expect("no panic")?;
    say("ending", data.read() == expected(2));
    Ok(())
}
