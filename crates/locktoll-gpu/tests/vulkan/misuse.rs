//! What the device refuses, and what it says of itself.

use std::num::NonZeroU32;

use locktoll_gpu::{
    Availability, Device, DeviceChoice, DeviceKind, Error, Kernel, Located, Scope, VulkanDevice,
    VulkanSettings, devices,
};

use crate::common::misuse;
use crate::{Calls, device, new_device, timed_op};

#[test]
fn an_op_in_a_wrong_order_is_refused_and_can_still_be_finished() {
    misuse::a_wrong_order_is_refused_and_the_op_can_still_be_finished(device());
}

#[test]
fn an_encoder_that_is_dropped_open_still_blocks_its_command_buffer() {
    misuse::an_encoder_that_is_dropped_open_still_blocks_its_command_buffer(device());
}

#[test]
fn objects_of_another_device_are_refused() {
    let (device, other) = (device(), new_device());
    let commands = device.new_commands(&device.queue(0).unwrap()).unwrap();
    let encoder = device.open(&commands).unwrap();
    let pipeline = other.pipeline(Kernel::Axpy).unwrap();
    assert!(matches!(
        device.pipe(&encoder, &pipeline),
        Err(Error::OtherDevice {
            call: "set_pipeline"
        })
    ));
    let buffer = other.buffer(&[1.0]).unwrap();
    assert!(matches!(
        device.bind(&encoder, 0, &buffer),
        Err(Error::OtherDevice { call: "set_buffer" })
    ));
    assert!(matches!(device.go(&encoder, 1), Err(Error::NoPipeline)));
}

#[test]
fn more_queues_than_there_are_and_devices_that_are_not_there_are_refused_by_number() {
    let most = VulkanSettings {
        queues: NonZeroU32::MAX,
        ..VulkanSettings::default()
    };
    let Err(Error::TooFewQueues { asked, queues, .. }) = VulkanDevice::new(&most) else {
        panic!("4 billion queues")
    };
    assert_eq!(asked, u32::MAX);
    // As many as it says there are can be had.
    let all = VulkanSettings {
        queues: NonZeroU32::new(queues).unwrap(),
        ..VulkanSettings::default()
    };
    let device = VulkanDevice::new(&all).unwrap();
    assert_eq!(device.info().settings, format!("queues={queues}"));
    let count = queues as usize;
    let lanes: Vec<_> = (0..=count).map(|i| device.queue(i).unwrap()).collect();
    let addresses: Vec<_> = lanes.iter().map(Located::address).collect();
    // The queues go round; each lane has a pool of its own.
    assert_eq!(addresses[0].queue, addresses[count].queue);
    for (i, address) in addresses.iter().enumerate() {
        assert!(addresses[..i].iter().all(|a| a.encoder != address.encoder));
        assert!(
            addresses[..i.min(count - 1)]
                .iter()
                .all(|a| i == count || a.queue != address.queue)
        );
    }

    let absent = VulkanSettings {
        index: Some(99),
        ..VulkanSettings::default()
    };
    let said = VulkanDevice::new(&absent).err().unwrap().to_string();
    assert!(
        said.contains("vulkan:99") && said.contains("vulkan:0 ("),
        "{said}"
    );
}

#[test]
fn all_objects_of_a_lane_are_locked_at_its_pool() {
    let device = device();
    let queue = device.queue(0).unwrap();
    let [first, second] = [(); 2].map(|()| device.new_commands(&queue).unwrap());
    let encoder = device.open(&first).unwrap();
    let address = queue.address();
    assert_ne!(address.queue, address.encoder);
    assert_eq!(first.address(), address);
    assert_eq!(second.address(), address);
    assert_eq!(encoder.address(), address);
}

#[test]
fn a_timed_kernel_takes_any_slots_and_threads() {
    let device = device();
    let queue = device.queue(0).unwrap();
    let commands = timed_op(device, &queue, &[Some(0), Some(1_000)]).unwrap();
    device.wait(&commands).unwrap();
}

#[test]
fn the_device_says_what_it_is() {
    let device = new_device();
    let info = device.info();
    assert!(!info.name.is_empty() && !info.driver.is_empty());
    assert_eq!(info.settings, "queues=1");
    assert_eq!(info.requires, Some(Scope::Encoder));
    let has = |info: &locktoll_gpu::DeviceInfo, text: &str| {
        info.model_notes.iter().any(|note| note.contains(text))
    };
    assert!(has(&info, "vkQueueSubmit") || has(&info, "lock for themselves"));
    let is_software = info.kind == DeviceKind::SoftwareRasterizer;
    assert_eq!(has(&info, "correctness only"), is_software);
    assert!(!has(&info, "timed kernel"));
    device
        .pipeline(Kernel::Timed {
            duration_ns: Some(70_000),
        })
        .unwrap();
    assert!(has(&device.info(), "timed kernel of 70000 ns"));
}

#[test]
fn the_listed_devices_are_those_that_can_be_made() {
    let listed: Vec<_> = devices()
        .into_iter()
        .filter(|known| known.name.starts_with("vulkan:"))
        .collect();
    assert!(!listed.is_empty());
    for known in listed {
        let DeviceChoice::Vulkan(index) = known.name.parse().unwrap() else {
            panic!("{known:?}")
        };
        let settings = VulkanSettings {
            index,
            ..VulkanSettings::default()
        };
        let made = VulkanDevice::new(&settings);
        assert_eq!(made.is_ok(), known.availability == Availability::Available);
        if let Ok(device) = made {
            assert!(known.summary.contains(&device.info().name));
        }
    }
}

#[test]
fn choices_resolve_to_what_there_is() {
    let DeviceChoice::Vulkan(Some(index)) = DeviceChoice::Vulkan(None).resolve().unwrap() else {
        panic!("no index")
    };
    let chosen = DeviceChoice::Vulkan(Some(index));
    assert_eq!(chosen.resolve().unwrap(), chosen);
    assert!(matches!(
        DeviceChoice::Vulkan(Some(99)).resolve(),
        Err(Error::NoSuchVulkanDevice { index: 99, .. })
    ));
    let expected = match device().info().kind {
        DeviceKind::Hardware => chosen,
        _ => DeviceChoice::Soft,
    };
    assert_eq!(DeviceChoice::Auto.resolve().unwrap(), expected);
}
