//! What a command buffer has recorded, and the order in which calls on it make sense.
//!
//! One encoder is open at a time, so the command buffer and its encoders are one state. It lies
//! behind one lock of its own, taken for some tens of nanoseconds: calls that overlap lose
//! nothing, and calls on different command buffers do not meet.

use super::arguments::{Arguments, Slot, Work};
use super::detector::Call;
use crate::{Error, Kernel};

/// Which of its command buffer's encoders this is, counted from 0.
pub(crate) type EncoderSerial = u32;

#[derive(Debug, Default)]
pub(crate) struct Recording {
    committed: bool,
    opened: EncoderSerial,
    open: Option<EncoderSerial>,
    pipeline: Option<Kernel>,
    arguments: Arguments,
    /// The sum of the timed dispatches' own durations.
    timed_ns: u64,
    work: Vec<Work>,
}

impl Recording {
    pub(crate) fn open_encoder(&mut self) -> Result<EncoderSerial, Error> {
        let call = Call::Encoder.name();
        self.check_unfinished(call)?;
        let serial = self.opened;
        self.opened += 1;
        self.open = Some(serial);
        self.pipeline = None;
        self.arguments = Arguments::default();
        Ok(serial)
    }

    pub(crate) fn set_pipeline(
        &mut self,
        encoder: EncoderSerial,
        kernel: Kernel,
    ) -> Result<(), Error> {
        self.check_open(encoder, Call::SetPipeline)?;
        self.pipeline = Some(kernel);
        Ok(())
    }

    pub(crate) fn set_slot(
        &mut self,
        encoder: EncoderSerial,
        call: Call,
        index: usize,
        argument: Slot,
    ) -> Result<(), Error> {
        self.check_open(encoder, call)?;
        self.arguments.set(index, argument)
    }

    pub(crate) fn dispatch(&mut self, encoder: EncoderSerial, threads: usize) -> Result<(), Error> {
        self.check_open(encoder, Call::Dispatch)?;
        match self.pipeline.ok_or(Error::NoPipeline)? {
            Kernel::Timed { duration_ns } => {
                self.timed_ns = self.timed_ns.saturating_add(duration_ns.unwrap_or(0));
            }
            Kernel::Axpy => self.work.push(self.arguments.axpy(threads)?),
            Kernel::MlpLayer {
                inputs,
                outputs,
                relu,
            } => {
                self.work
                    .push(self.arguments.mlp_layer(inputs, outputs, relu, threads)?);
            }
        }
        Ok(())
    }

    pub(crate) fn end_encoding(&mut self, encoder: EncoderSerial) -> Result<(), Error> {
        self.check_open(encoder, Call::EndEncoding)?;
        self.open = None;
        Ok(())
    }

    /// Hands the recorded work to `submit`. If that fails, the command buffer is as before.
    pub(crate) fn commit(
        &mut self,
        submit: impl FnOnce(u64, &mut Vec<Work>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.check_unfinished(Call::Commit.name())?;
        submit(self.timed_ns, &mut self.work)?;
        self.committed = true;
        Ok(())
    }

    pub(crate) const fn is_committed(&self) -> bool {
        self.committed
    }

    fn check_unfinished(&self, call: &'static str) -> Result<(), Error> {
        if self.committed {
            Err(Error::Committed { call })
        } else if self.open.is_some() {
            Err(Error::EncoderOpen { call })
        } else {
            Ok(())
        }
    }

    fn check_open(&self, encoder: EncoderSerial, call: Call) -> Result<(), Error> {
        let call = call.name();
        if self.open == Some(encoder) {
            Ok(())
        } else if self.committed {
            Err(Error::Committed { call })
        } else {
            Err(Error::EncoderEnded { call })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soft::buffer::SoftBuffer;

    fn timed(duration_ns: Option<u64>) -> Kernel {
        Kernel::Timed { duration_ns }
    }

    /// What `submit` was given: the timed nanoseconds and the number of computing dispatches.
    fn commit(recording: &mut Recording) -> Result<(u64, usize), Error> {
        let mut given = (0, 0);
        recording.commit(|timed_ns, work| {
            given = (timed_ns, work.len());
            Ok(())
        })?;
        Ok(given)
    }

    #[test]
    fn own_durations_add_up_over_encoders_and_the_rest_asks_for_nothing() {
        let mut recording = Recording::default();
        for (duration_ns, times) in [(Some(30), 2), (None, 5), (Some(7), 1)] {
            let encoder = recording.open_encoder().unwrap();
            recording.set_pipeline(encoder, timed(duration_ns)).unwrap();
            for _ in 0..times {
                recording.dispatch(encoder, 1).unwrap();
            }
            recording.end_encoding(encoder).unwrap();
        }
        assert_eq!(commit(&mut recording).unwrap(), (67, 0));
    }

    #[test]
    fn an_encoder_starts_without_the_last_one_s_arguments() {
        let mut recording = Recording::default();
        let first = recording.open_encoder().unwrap();
        let buffer = SoftBuffer::new(&[0.0]);
        recording.set_pipeline(first, Kernel::Axpy).unwrap();
        for index in 0..2 {
            let slot = Slot::Buffer(buffer.clone());
            recording
                .set_slot(first, Call::SetBuffer, index, slot)
                .unwrap();
        }
        recording
            .set_slot(first, Call::SetValue, 2, Slot::Value(1.0))
            .unwrap();
        recording.dispatch(first, 1).unwrap();
        recording.end_encoding(first).unwrap();
        let second = recording.open_encoder().unwrap();
        assert!(matches!(
            recording.dispatch(second, 1),
            Err(Error::NoPipeline)
        ));
        recording.set_pipeline(second, Kernel::Axpy).unwrap();
        assert!(matches!(
            recording.dispatch(second, 1),
            Err(Error::Unbound { index: 0, .. })
        ));
    }

    #[test]
    fn an_open_encoder_blocks_a_second_one_and_the_commit() {
        let mut recording = Recording::default();
        let encoder = recording.open_encoder().unwrap();
        let refused = recording.open_encoder();
        assert!(matches!(
            refused,
            Err(Error::EncoderOpen { call: "encoder" })
        ));
        assert!(matches!(
            commit(&mut recording),
            Err(Error::EncoderOpen { call: "commit" })
        ));
        recording.end_encoding(encoder).unwrap();
        recording.open_encoder().unwrap();
    }

    #[test]
    fn an_ended_encoder_takes_nothing_though_another_is_open() {
        let mut recording = Recording::default();
        let first = recording.open_encoder().unwrap();
        recording.end_encoding(first).unwrap();
        let second = recording.open_encoder().unwrap();
        let refused = recording.set_pipeline(first, timed(None));
        assert!(matches!(
            refused,
            Err(Error::EncoderEnded {
                call: "set_pipeline"
            })
        ));
        let refused = recording.end_encoding(first);
        assert!(matches!(
            refused,
            Err(Error::EncoderEnded {
                call: "end_encoding"
            })
        ));
        recording.set_pipeline(second, timed(None)).unwrap();
    }

    #[test]
    fn after_the_commit_nothing_goes() {
        let mut recording = Recording::default();
        let encoder = recording.open_encoder().unwrap();
        recording.end_encoding(encoder).unwrap();
        commit(&mut recording).unwrap();
        assert!(matches!(
            commit(&mut recording),
            Err(Error::Committed { call: "commit" })
        ));
        let refused = recording.open_encoder();
        assert!(matches!(refused, Err(Error::Committed { call: "encoder" })));
        let refused = recording.set_slot(encoder, Call::SetValue, 0, Slot::Value(0.0));
        assert!(matches!(
            refused,
            Err(Error::Committed { call: "set_value" })
        ));
    }

    #[test]
    fn a_refused_submission_leaves_the_command_buffer_uncommitted() {
        let mut recording = Recording::default();
        let refused = recording.commit(|_, _| Err(Error::NotCommitted));
        assert!(refused.is_err() && !recording.is_committed());
        commit(&mut recording).unwrap();
    }
}
