//! What every attachment gets, and how many there may be.

use coremill_config::schema::Applications;
use coremill_engine::applications::DOMAINS_MAX;
use coremill_protocol::attach::DESCRIPTORS_MAX;
use coremill_protocol::{ErrorBody, ErrorKind, ShapeView};
use coremill_ring::layout::Layout;
use coremill_ring::shape::Shape;

use crate::failure::Failure;

/// Bounds and sizes.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where what lies in each domain's memories.
    pub layout: Layout,
    attachments_max: usize,
    attachments_per_user_max: usize,
    memory_max: usize,
    /// Of one user.
    pub attaches_per_second: u32,
}

/// What is in use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Attachments, those that are about to end included.
    pub attachments: usize,
    /// Those of the user who asks.
    pub of_user: usize,
}

impl Options {
    /// From the configuration, for so many workers.
    ///
    /// # Errors
    /// When one attachment takes more memory than all may, or more descriptors than can be passed at once.
    pub fn new(config: &Applications, workers: usize) -> Result<Self, Failure> {
        let classes =
            |chunks: &[u32]| std::array::from_fn(|class| chunks.get(class).copied().unwrap_or(0));
        let shape = Shape {
            workers: u32::try_from(workers).unwrap_or(u32::MAX),
            contexts: config.contexts,
            notifiers: config.notifiers,
            listeners: config.listeners,
            sockets: config.sockets,
            command_slots: config.command_slots,
            event_slots: config.event_slots,
            accept_slots: config.accept_slots,
            receive_chunks: classes(&config.receive_chunks),
            send_chunks: classes(&config.send_chunks),
        };
        let layout =
            Layout::new(&shape).map_err(|error| Failure::Host(format!("applications: {error}")))?;
        let options = Self {
            layout,
            attachments_max: config.attachments_max.min(DOMAINS_MAX),
            attachments_per_user_max: config.attachments_per_user_max,
            memory_max: config.memory_max,
            attaches_per_second: config.attaches_per_second,
        };
        if config.attachments_max > 0 && options.memory_bytes() > options.memory_max {
            return Err(Failure::Host(format!(
                "applications.memory_max = {}: one attachment takes {}; raise it, or lower the sizes in [applications]",
                mebibytes(options.memory_max),
                mebibytes(options.memory_bytes())
            )));
        }
        let descriptors = MEMORIES + workers + config.notifiers as usize;
        if descriptors > DESCRIPTORS_MAX {
            return Err(Failure::Host(format!(
                "applications.notifiers = {}: with {workers} workers, an attachment would be passed {descriptors} descriptors; at most {DESCRIPTORS_MAX} can be: lower one of them",
                config.notifiers
            )));
        }
        Ok(options)
    }

    /// Memory of one attachment.
    pub fn memory_bytes(&self) -> usize {
        self.layout.daemon_bytes() + self.layout.application_bytes()
    }

    /// Whether there is room for one more.
    ///
    /// # Errors
    /// The quota that is used up.
    pub fn admit(&self, usage: Usage) -> Result<(), ErrorBody> {
        let quota = |message: String| Err(ErrorBody::new(ErrorKind::Quota, message));
        if usage.attachments >= self.attachments_max {
            return quota(format!(
                "{} processes are attached already (applications.attachments_max); `coremill apps` shows them",
                usage.attachments
            ));
        }
        if usage.of_user >= self.attachments_per_user_max {
            return quota(format!(
                "{} processes of this user are attached already (applications.attachments_per_user_max)",
                usage.of_user
            ));
        }
        let memory = (usage.attachments + 1).saturating_mul(self.memory_bytes());
        if memory > self.memory_max {
            return quota(format!(
                "{} of {} of shared memory are in use and one more takes {} (applications.memory_max)",
                mebibytes(usage.attachments * self.memory_bytes()),
                mebibytes(self.memory_max),
                mebibytes(self.memory_bytes())
            ));
        }
        Ok(())
    }

    /// The shape as the protocol tells it.
    pub fn shape_view(&self) -> ShapeView {
        let shape = self.layout.shape();
        ShapeView {
            workers: shape.workers,
            contexts: shape.contexts,
            notifiers: shape.notifiers,
            listeners: shape.listeners,
            sockets: shape.sockets,
            command_slots: shape.command_slots,
            event_slots: shape.event_slots,
            accept_slots: shape.accept_slots,
            receive_chunks: shape.receive_chunks,
            send_chunks: shape.send_chunks,
        }
    }
}

fn mebibytes(bytes: usize) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// The daemon's and the application's.
const MEMORIES: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Applications {
        Applications {
            attachments_max: 3,
            attachments_per_user_max: 2,
            ..Applications::default()
        }
    }

    #[test]
    fn each_quota_is_refused_by_its_name() {
        let mut config = config();
        let bytes = Options::new(&config, 2).unwrap().memory_bytes();
        let refusal = |options: &Options, attachments, of_user| {
            let usage = Usage {
                attachments,
                of_user,
            };
            options.admit(usage).map_err(|error| error.message)
        };
        let options = Options::new(&config, 2).unwrap();
        assert_eq!(refusal(&options, 2, 1), Ok(()));
        let message = refusal(&options, 3, 0).unwrap_err();
        assert!(
            message.contains("3 processes are attached already (applications.attachments_max)")
        );
        let message = refusal(&options, 2, 2).unwrap_err();
        assert!(message.contains("attachments_per_user_max"), "{message}");
        config.memory_max = 2 * bytes;
        let options = Options::new(&config, 2).unwrap();
        assert_eq!(refusal(&options, 1, 0), Ok(()));
        let message = refusal(&options, 2, 0).unwrap_err();
        assert!(message.contains("applications.memory_max"), "{message}");
    }

    #[test]
    fn what_could_never_attach_is_refused_at_the_start() {
        let mut config = config();
        config.memory_max = 1 << 20;
        let message = Options::new(&config, 1).unwrap_err().to_string();
        assert!(message.starts_with("applications.memory_max = 1.0 MiB: one attachment takes"));
        config.attachments_max = 0;
        assert!(Options::new(&config, 1).is_ok());
        config.notifiers = 200;
        let message = Options::new(&config, 100).unwrap_err().to_string();
        assert!(message.contains("302 descriptors"), "{message}");
    }
}
