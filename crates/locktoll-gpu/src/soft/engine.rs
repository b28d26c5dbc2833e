//! One engine: puts committed command buffers on its timeline, and computes those that compute.
//!
//! A command buffer that only takes time is placed when it is committed; nobody wakes up for it.
//! One that computes is placed when its thread is through with it, and whatever was committed
//! after it is placed then, since it cannot start before. Either way places are given in the
//! order of commits.

use std::collections::VecDeque;
use std::sync::{Arc, mpsc};
use std::thread;

use parking_lot::Mutex;

use super::arguments::Work;
use super::objects::Context;
use super::timeline::Timeline;
use crate::Error;
use crate::pause;

#[derive(Debug, Default)]
pub(crate) struct Engine(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    timeline: Timeline,
    /// Committed and not yet placed, in the order of commits. Empty unless its first one
    /// computes.
    unplaced: VecDeque<Unplaced>,
    /// Where the computing thread takes its jobs from; `None` until the first one. The thread ends
    /// when the device drops this. It is not joined: the last job may drop the device itself.
    jobs: Option<mpsc::Sender<Job>>,
}

#[derive(Debug)]
struct Unplaced {
    context: Arc<Context>,
    commit_ns: u64,
    /// The occupancy that its settings and durations ask for.
    least_ns: u64,
    /// What is added to the occupancy, whatever makes it.
    added_ns: u64,
    computes: bool,
}

#[derive(Debug)]
struct Job {
    context: Arc<Context>,
    work: Vec<Work>,
}

impl Engine {
    /// Takes a command buffer that asks for `least_ns` and for `work`, which is left empty.
    pub(crate) fn submit(
        &self,
        context: &Arc<Context>,
        least_ns: u64,
        work: &mut Vec<Work>,
    ) -> Result<(), Error> {
        let perturbation = context.perturbation();
        let mut state = self.0.lock();
        perturbation.submit();
        let added_ns = perturbation.execution_ns();
        let commit_ns = pause::now_ns();
        let computes = !work.is_empty();
        if computes {
            let jobs = match &mut state.jobs {
                Some(jobs) => jobs,
                none => none.insert(start_thread()?),
            };
            let job = Job {
                context: Arc::clone(context),
                work: std::mem::take(work),
            };
            jobs.send(job)
                .expect("the thread ends only after its sender");
        } else if state.unplaced.is_empty() {
            let occupancy_ns = least_ns.saturating_add(added_ns);
            context.place(state.timeline.place(commit_ns, occupancy_ns, 0));
            return Ok(());
        }
        let context = Arc::clone(context);
        state.unplaced.push_back(Unplaced {
            context,
            commit_ns,
            least_ns,
            added_ns,
            computes,
        });
        Ok(())
    }

    /// Places the oldest unplaced command buffer, now that it is computed, and those after it that
    /// do not compute.
    fn computed(&self, compute_ns: u64, end_ns: u64) {
        let mut state = self.0.lock();
        let (mut compute_ns, mut end_ns) = (compute_ns, end_ns);
        while let Some(next) = state.unplaced.pop_front() {
            let occupancy_ns = next.least_ns.max(compute_ns).saturating_add(next.added_ns);
            next.context
                .place(state.timeline.place(next.commit_ns, occupancy_ns, end_ns));
            (compute_ns, end_ns) = (0, 0);
            if state.unplaced.front().is_none_or(|next| next.computes) {
                break;
            }
        }
    }

    pub(crate) fn busy_ns(&self) -> u64 {
        let state = self.0.lock();
        state.timeline.busy_ns(pause::now_ns())
    }
}

/// Starts a computing thread. It ends when the sender is dropped.
fn start_thread() -> Result<mpsc::Sender<Job>, Error> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("soft engine".to_owned())
        .spawn(move || compute(&receiver))
        .map_err(|source| Error::Host {
            what: "start the engine's thread",
            source,
        })?;
    Ok(sender)
}

fn compute(jobs: &mpsc::Receiver<Job>) {
    for Job { context, work } in jobs {
        let start_ns = pause::now_ns();
        work.iter().for_each(Work::run);
        let end_ns = pause::now_ns();
        context.engine().computed(end_ns - start_ns, end_ns);
    }
}
