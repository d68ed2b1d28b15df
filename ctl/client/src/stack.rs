//! A process's attachment to the daemon.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::attach;
use crate::context::Context;
use crate::error::AttachError;

/// A process's attachment to the daemon; all its sockets come from it. Clones are the same attachment.
///
/// It ends when the last clone and the last socket are gone. What was written until then is still delivered.
///
/// ```no_run
/// let stack = coremill_client::Stack::attach("/run/coremill/control.sock")?;
/// println!("{} workers", stack.workers());
/// # Ok::<(), coremill_client::AttachError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stack {
    context: Arc<Context>,
}

/// How a [`Stack`] behaves.
///
/// ```
/// use std::time::Duration;
/// use coremill_client::{OnDeath, Options};
///
/// let options = Options {
///     spin: Duration::ZERO,
///     on_death: OnDeath::Reset,
///     ..Options::default()
/// };
/// assert_eq!(options.fallback, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long a blocking call looks for what it waits for before it sleeps. Looking costs processor time, sleeping
    /// and waking a few microseconds on both sides.
    pub spin: Duration,
    /// A belt over the braces: a sleep that lasts longer looks around by itself. None trusts the doorbells, which
    /// the library's tests do.
    pub fallback: Option<Duration>,
    /// What becomes of connections when this process dies without closing them.
    pub on_death: OnDeath,
}

/// What becomes of a process's connections when it dies without closing them, or its attachment is ended for it.
///
/// ```
/// use coremill_client::{OnDeath, Options};
/// assert_eq!(Options::default().on_death, OnDeath::Deliver);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDeath {
    /// As the kernel does it: what was written is still sent, and the end of the stream after it.
    #[default]
    Deliver,
    /// Peers get a reset, so that none takes what it has for everything.
    Reset,
}

impl Default for Options {
    /// Spins for 20 microseconds, trusts the doorbells, delivers on death.
    fn default() -> Self {
        Self {
            spin: Duration::from_micros(20),
            fallback: None,
            on_death: OnDeath::Deliver,
        }
    }
}

impl Stack {
    /// Attaches this process to the daemon that listens at `path`, such as `/run/coremill/control.sock`.
    ///
    /// # Errors
    /// When there is no daemon, it does not allow this user to attach, a quota is reached, this process is attached
    /// already, or daemon and library are of different versions.
    ///
    /// ```no_run
    /// let stack = coremill_client::Stack::attach("/run/coremill/control.sock")?;
    /// # Ok::<(), coremill_client::AttachError>(())
    /// ```
    pub fn attach(path: impl AsRef<Path>) -> Result<Self, AttachError> {
        Self::attach_with(path, Options::default())
    }

    /// As [`Stack::attach`], with options.
    ///
    /// # Errors
    /// As [`Stack::attach`].
    ///
    /// ```no_run
    /// use coremill_client::{Options, Stack};
    /// let options = Options { spin: std::time::Duration::ZERO, ..Options::default() };
    /// let stack = Stack::attach_with("/run/coremill/control.sock", options)?;
    /// # Ok::<(), coremill_client::AttachError>(())
    /// ```
    pub fn attach_with(path: impl AsRef<Path>, options: Options) -> Result<Self, AttachError> {
        let attached = attach::attach(path.as_ref(), &options)?;
        let context = Context::new(attached, &options)?;
        Ok(Self {
            context: context.shared(),
        })
    }

    /// Workers of the daemon.
    ///
    /// ```no_run
    /// # let stack = coremill_client::Stack::attach("/run/coremill/control.sock")?;
    /// println!("{} workers", stack.workers());
    /// # Ok::<(), coremill_client::AttachError>(())
    /// ```
    pub fn workers(&self) -> usize {
        self.context.workers() as usize
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }
}
