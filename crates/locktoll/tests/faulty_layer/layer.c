// A Vulkan layer that stands for a driver in trouble: from the FAULTY_AFTERth call on, FAULTY_CALL
// answers with FAULTY_RESULT. No lock: tests put it under programs that count on one fault only.
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

static PFN_vkGetInstanceProcAddr next_instance;
static PFN_vkGetDeviceProcAddr next_device;
static PFN_vkQueueSubmit next_submit;
static PFN_vkAllocateMemory next_allocate;
static atomic_long calls;

// What this call is to return; VK_SUCCESS for "ask the driver".
static VkResult fault(const char *call) {
    const char *faulty = getenv("FAULTY_CALL"), *after = getenv("FAULTY_AFTER");
    if (!faulty || strcmp(faulty, call) != 0) return VK_SUCCESS;
    if (atomic_fetch_add(&calls, 1) < (after ? atol(after) : 0)) return VK_SUCCESS;
    return (VkResult)atoi(getenv("FAULTY_RESULT"));
}

static VKAPI_ATTR VkResult VKAPI_CALL submit(VkQueue queue, uint32_t n, const VkSubmitInfo *info,
                                             VkFence fence) {
    VkResult result = fault("vkQueueSubmit");
    return result ? result : next_submit(queue, n, info, fence);
}

static VKAPI_ATTR VkResult VKAPI_CALL allocate(VkDevice device, const VkMemoryAllocateInfo *info,
                                               const VkAllocationCallbacks *with,
                                               VkDeviceMemory *memory) {
    VkResult result = fault("vkAllocateMemory");
    return result ? result : next_allocate(device, info, with, memory);
}

// The entry that the loader left for this layer in a chain of structures.
#define LINK(Type, LINKED, info)                                                                  \
    ({                                                                                            \
        Type *link = (Type *)(info)->pNext;                                                       \
        while (link->sType != (LINKED) || link->function != VK_LAYER_LINK_INFO)                   \
            link = (Type *)link->pNext;                                                           \
        link;                                                                                     \
    })

static VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo *info,
                                                      const VkAllocationCallbacks *with,
                                                      VkInstance *instance) {
    VkLayerInstanceCreateInfo *link =
        LINK(VkLayerInstanceCreateInfo, VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO, info);
    next_instance = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    return ((PFN_vkCreateInstance)next_instance(NULL, "vkCreateInstance"))(info, with, instance);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical,
                                                    const VkDeviceCreateInfo *info,
                                                    const VkAllocationCallbacks *with,
                                                    VkDevice *device) {
    VkLayerDeviceCreateInfo *link =
        LINK(VkLayerDeviceCreateInfo, VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO, info);
    PFN_vkGetInstanceProcAddr instance = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    next_device = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    VkResult result =
        ((PFN_vkCreateDevice)instance(NULL, "vkCreateDevice"))(physical, info, with, device);
    if (result) return result;
    next_submit = (PFN_vkQueueSubmit)next_device(*device, "vkQueueSubmit");
    next_allocate = (PFN_vkAllocateMemory)next_device(*device, "vkAllocateMemory");
    return result;
}

static PFN_vkVoidFunction ours(const char *name) {
    if (!strcmp(name, "vkCreateInstance")) return (PFN_vkVoidFunction)create_instance;
    if (!strcmp(name, "vkCreateDevice")) return (PFN_vkVoidFunction)create_device;
    if (!strcmp(name, "vkQueueSubmit")) return (PFN_vkVoidFunction)submit;
    if (!strcmp(name, "vkAllocateMemory")) return (PFN_vkVoidFunction)allocate;
    return NULL;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_proc(VkDevice device, const char *name) {
    PFN_vkVoidFunction found = ours(name);
    return found ? found : next_device(device, name);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_proc(VkInstance instance,
                                                              const char *name) {
    PFN_vkVoidFunction found = ours(name);
    return found ? found : next_instance(instance, name);
}

VK_LAYER_EXPORT VKAPI_ATTR VkResult VKAPI_CALL
vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *negotiated) {
    negotiated->loaderLayerInterfaceVersion = 2;
    negotiated->pfnGetInstanceProcAddr = instance_proc;
    negotiated->pfnGetDeviceProcAddr = device_proc;
    negotiated->pfnGetPhysicalDeviceProcAddr = NULL;
    return VK_SUCCESS;
}
