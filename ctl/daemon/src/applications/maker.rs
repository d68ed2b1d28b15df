//! Makes what attachments consist of, and takes it apart, in a thread of its own: the memory of the largest quota takes the
//! kernel most of a second to fill and to free, in which the control thread serves everybody else.
//!
//! Orders are carried out one after the other, so that memory is free before what was admitted in its place is made. There
//! are at most as many as attachments may be.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use coremill_engine::applications::{Attachment, Domain};
use coremill_engine::doorbell::Doorbell;
use coremill_protocol::ErrorBody;
use coremill_ring::layout::Layout;

use super::parts::Parts;

/// The thread, as the control thread sees it. It ends with this.
pub struct Maker {
    orders: Sender<Order>,
    made: Receiver<Made>,
    bell: Arc<Doorbell>,
}

/// The parts of an attachment, or why they could not be made.
pub struct Made {
    /// Whose.
    pub id: u64,
    /// What was made.
    pub parts: Result<Parts, ErrorBody>,
}

/// Where what is over goes to be freed.
#[derive(Clone)]
pub struct Burial(Sender<Order>);

enum Order {
    Make(u64),
    Free(Remains),
}

/// What is left of an attachment; only dropped.
#[expect(dead_code, reason = "what is inside is there to be dropped elsewhere")]
enum Remains {
    Attachment(Arc<Attachment>),
    Domain(Box<Domain>),
    Parts(Box<Parts>),
}

impl Maker {
    /// Starts it: it makes attachments of this layout, which ring `alarm`.
    ///
    /// # Errors
    /// When there is no descriptor or no room for a thread left.
    pub fn new(layout: Layout, alarm: &Arc<Doorbell>) -> io::Result<Self> {
        let (orders, due) = channel();
        let (done, made) = channel();
        let bell = Arc::new(Doorbell::new()?);
        let work = Work {
            layout,
            due,
            done,
            bell: Arc::clone(&bell),
            alarm: Arc::clone(alarm),
        };
        let maker = thread::Builder::new().name("attachments".into());
        maker.spawn(move || work.carry_out())?;
        Ok(Self { orders, made, bell })
    }

    /// Orders the parts of an attachment; false when the thread is gone.
    pub fn order(&self, id: u64) -> bool {
        self.orders.send(Order::Make(id)).is_ok()
    }

    /// The next that is made. The descriptor is readable when there is one.
    pub fn next(&self) -> Option<Made> {
        self.made.try_recv().ok()
    }

    /// What is made from here on makes the descriptor readable anew.
    pub fn clear(&self) {
        self.bell.clear();
    }

    /// Where to let go of what is over.
    pub fn burial(&self) -> Burial {
        Burial(self.orders.clone())
    }
}

impl AsFd for Maker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

impl Burial {
    /// An attachment that every worker has let go of.
    pub fn attachment(&self, attachment: Arc<Attachment>) {
        self.free(Remains::Attachment(attachment));
    }

    /// A worker's part of it.
    pub fn domain(&self, domain: Box<Domain>) {
        self.free(Remains::Domain(domain));
    }

    /// Parts that nobody waits for any more.
    pub fn parts(&self, parts: Parts) {
        self.free(Remains::Parts(Box::new(parts)));
    }

    fn free(&self, remains: Remains) {
        // Without the thread they are freed here.
        let _gone = self.0.send(Order::Free(remains));
    }
}

struct Work {
    layout: Layout,
    due: Receiver<Order>,
    done: Sender<Made>,
    bell: Arc<Doorbell>,
    alarm: Arc<Doorbell>,
}

impl Work {
    fn carry_out(self) {
        for order in &self.due {
            match order {
                Order::Make(id) => {
                    let parts = Parts::new(id, &self.layout, &self.alarm);
                    if self.done.send(Made { id, parts }).is_err() {
                        return;
                    }
                    self.bell.write();
                }
                Order::Free(remains) => drop(remains),
            }
        }
    }
}
