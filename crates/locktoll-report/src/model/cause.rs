//! Why the throughput is what it is: what interventions and ablations found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Estimate;

/// The root cause of one configuration's throughput at one thread count, by intervention.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The configuration.
    pub config: String,
    /// Threads that encoded.
    pub threads: u32,
    /// The workload.
    pub workload: String,
    /// Blocks in which everything that the estimates need ran to its end.
    pub blocks: usize,
    /// 1/throughput without any intervention.
    pub time_per_op_ns: Option<Estimate>,
    /// How much of an added nanosecond arrives in the time per op, by resource.
    pub pass_throughs: Vec<PassThrough>,
    /// What the time per op is made of, in the order of [`Part`].
    pub shares: Vec<Share>,
    /// The sum of the named parts' shares; 1 where nothing is missing and nothing is limited twice.
    pub shares_sum: Option<Estimate>,
    /// The finding.
    pub root: Root,
    /// Why it is no clearer than that, or on what it rests, in one sentence.
    pub reason: String,
    /// What the resources' utilisations say to it.
    pub witnesses: Vec<Witness>,
    /// The remedy that was tried, where one was.
    pub remedy: Option<Remedy>,
}

/// What time can be added to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Inside the lock's hold, on the CPU.
    Lock,
    /// On the encoding thread's CPU, outside the lock.
    Encode,
    /// Inside the submission to the device's queue.
    Submit,
    /// On the device, as a longer kernel.
    Device,
    /// After the op's completion: a later wake-up, which uses no core.
    Wait,
}

/// A part of the time per op.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The lock: what holding it costs beyond the same time spent outside it.
    Lock,
    /// The device's execution.
    Device,
    /// The CPU's encoding, inside and outside the lock.
    Encode,
    /// Submission to the queue, and the latency until the thread goes on.
    SubmitWait,
    /// What the other parts leave.
    Remainder,
}

/// Of one nanosecond added to a resource's time per op, how many nanoseconds reach 1/throughput.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PassThrough {
    /// The resource.
    pub resource: Resource,
    /// The slope; `null` with too few blocks.
    pub estimate: Option<Estimate>,
    /// The levels at which it was measured. One of 0 ns, where there is one, is the op with an addition
    /// that takes no time, with which the others are compared.
    pub levels: Vec<Level>,
    /// p-value of "the levels lie on one line through what they are compared with".
    pub p_linear: Option<f64>,
    /// Whether they do; where not, nothing is extrapolated.
    pub linear: Option<bool>,
}

/// One level of an intervention.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Level {
    /// Time asked for, per op.
    pub asked_ns: u64,
    /// Time added in fact, per op: measured in the trials themselves.
    pub added_ns: f64,
    /// 1/throughput with it.
    pub time_per_op_ns: Estimate,
}

/// The share of one part in the time per op.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// The part.
    pub part: Part,
    /// Time that one op needs of the resource, queueing left out.
    pub demand_ns: Option<f64>,
    /// Demand × pass-through ÷ time per op.
    pub share: Option<Estimate>,
}

/// What limits the throughput.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Root {
    /// The lock makes ops wait for each other.
    LockBound,
    /// The device executes all the time.
    DeviceBound,
    /// The CPU encodes all the time.
    EncodeBound,
    /// Submission, or the latency until a thread goes on.
    SubmissionBound,
    /// Several of these.
    Mixed,
    /// The experiment does not tell.
    NotIdentified,
}

/// A resource's utilisation, beside what the interventions found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Witness {
    /// The resource.
    pub part: Part,
    /// Share of the time for which it was busy; of encoding, how many cores were.
    pub utilisation: f64,
    /// Whether that agrees with the interventions.
    pub agrees: bool,
    /// The comparison in one sentence.
    pub statement: String,
}

/// A remedy: what it was predicted to gain, and what it gained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Remedy {
    /// Ops' worth of work that one op did.
    pub batch: u32,
    /// Gain in work per second that the shares predict, a fraction; `null` where the levels of submission
    /// or waiting are not on one line, so that nothing is extrapolated.
    pub predicted_gain: Option<Estimate>,
    /// Gain that was measured, a fraction.
    pub measured_gain: Estimate,
    /// What the measured gain is worth.
    #[serde(default)]
    pub outcome: Outcome,
}

/// What a measured gain is worth against the margin, by its whole interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// More than the margin is gained.
    Gains,
    /// More than the margin is lost.
    Loses,
    /// Neither: what is gained or lost is within the margin.
    NoMatter,
    /// The interval reaches over an end of the margin, or there is none.
    #[default]
    Unsettled,
}

/// The device's own limit, and what lies between it and the workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ceiling {
    /// The configuration that was taken apart.
    pub config: String,
    /// Its threads.
    pub threads: u32,
    /// Its queues.
    pub queues: u32,
    /// Time for which a command buffer occupies an engine with nothing in it, where that is a setting of
    /// the device: the limit is then set too. `null` where it is found by the measurement alone.
    #[serde(default)]
    pub set_occupancy_ns: Option<f64>,
    /// Throughput of ops that do nothing.
    pub limits: Vec<CeilingLimit>,
    /// The highest of these.
    #[serde(default)]
    pub best: Option<CeilingLimit>,
    /// Throughput of the workload ÷ the highest of empty ops: e to the mean of the logarithms over blocks.
    pub ratio: Option<Estimate>,
    /// Time per op of the workload as it is.
    pub time_per_op_ns: Option<Estimate>,
    /// What is between the two, taken away one after the other; the last one reached is the empty op.
    pub steps: Vec<AblationStep>,
}

/// The limit at one number of threads and queues.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CeilingLimit {
    /// Threads that encoded.
    pub threads: u32,
    /// Queues of the device.
    pub queues: u32,
    /// Whether ops were waited for as in the workload, and not only at the end of an iteration.
    #[serde(default)]
    pub waits: bool,
    /// Empty ops per second.
    pub ops_per_s: Estimate,
}

/// One thing that was taken away from the op, after all those before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AblationStep {
    /// What was taken away, for instance `a new buffer per op`.
    pub removed: String,
    /// Time per op that went with it.
    pub saved_ns: Estimate,
    /// The same as a share of the time per op of the workload as it is.
    pub share: Estimate,
    /// Time per op that was left.
    pub left_ns: Estimate,
}
