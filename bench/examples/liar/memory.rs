//! Lies about words: nonsense over everything that can be written, holes, and slots that change while they are read.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use coremill_ring::memory::map_application_memory;
use coremill_ring::words::SharedWrite;
use rustix::fs::{FallocateFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate};
use rustix::io::pwrite;

use crate::attached::Attached;
use crate::random::Random;
use crate::{Run, commands};

/// Random and adversarial words everywhere, some of them in the form of commands.
pub fn scribble(attached: &mut Attached, run: &mut Run) -> Result<()> {
    while !run.is_over() && !attached.is_over() {
        for _ in 0..run.random.below(2_000) {
            one_word(attached, &mut run.random);
        }
        speak_up(attached);
    }
    Ok(())
}

/// The same with pages punched out beneath the daemon; what is the daemon's cannot be touched.
pub fn holes(attached: &mut Attached, run: &mut Run) -> Result<()> {
    the_daemons_memory_is_out_of_reach(attached)?;
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let pages = u32::try_from(attached.layout.application_bytes() / PAGE_BYTES)?;
    while !run.is_over() && !attached.is_over() {
        for _ in 0..16 {
            let page = u64::from(run.random.below(pages)) * PAGE_BYTES as u64;
            fallocate(&attached.application_memory, hole, page, PAGE_BYTES as u64)?;
            for _ in 0..run.random.below(20) {
                one_word(attached, &mut run.random);
            }
            commands::any(attached, &mut run.random);
        }
        if run.random.below(64) == 0 {
            // All of it.
            let all = attached.layout.application_bytes() as u64;
            fallocate(&attached.application_memory, hole, 0, all)?;
        }
        speak_up(attached);
    }
    Ok(())
}

/// Commands as they should be, with another thread writing over their slots before, while and after they are read.
pub fn torn(attached: &mut Attached, run: &mut Run) -> Result<()> {
    let parts = (0..attached.workers()).filter_map(|worker| {
        let ring = attached.layout.command_ring(0, worker)?;
        Some(attached.application.part(ring))
    });
    let parts: Vec<SharedWrite> = parts.collect();
    let mut other = Random::new(run.random.next());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let which = other.below(u32::try_from(parts.len()).unwrap_or(1));
                if let Some(ring) = parts.get(which as usize) {
                    let words = u32::try_from(ring.words()).unwrap_or(1);
                    let at = other.below(words) as usize;
                    // Marks seldom: a wrong one is found out at once.
                    if !at.is_multiple_of(8) || other.below(500) == 0 {
                        ring.store(at, other.word());
                    }
                }
            }
        });
        // A slot whose mark was spoiled is read by nobody any more: the ring is stuck, and it begins anew.
        let mut stuck = 0;
        while !run.is_over() && !attached.is_over() && stuck < 100 {
            let before = attached.said;
            for _ in 0..32 {
                commands::any(attached, &mut run.random);
            }
            attached.hear(|_| None::<()>);
            stuck = if attached.said == before {
                stuck + 1
            } else {
                0
            };
        }
        stop.store(true, Ordering::Relaxed);
    });
    Ok(())
}

fn the_daemons_memory_is_out_of_reach(attached: &Attached) -> Result<()> {
    let (own, theirs) = (&attached.application_memory, &attached.daemon_memory);
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    ensure!(
        fallocate(theirs, hole, 0, PAGE_BYTES as u64).is_err(),
        "a hole in the daemon's memory"
    );
    ensure!(
        pwrite(theirs, b"lie", 0).is_err(),
        "written to the daemon's memory"
    );
    ensure!(
        map_application_memory(theirs.as_fd()).is_err(),
        "mapped the daemon's memory for writing"
    );
    for memory in [own, theirs] {
        for bytes in [0, PAGE_BYTES as u64, 1 << 40] {
            ensure!(ftruncate(memory, bytes).is_err(), "a memory was resized");
        }
        ensure!(
            fcntl_add_seals(memory, SealFlags::WRITE).is_err(),
            "a memory was sealed"
        );
    }
    Ok(())
}

fn one_word(attached: &Attached, random: &mut Random) {
    let words = &attached.application;
    let count = u32::try_from(words.words()).unwrap_or(u32::MAX);
    let (workers, contexts) = (attached.workers(), attached.layout.shape().contexts);
    let ring = attached
        .layout
        .command_ring(random.below(contexts), random.below(workers));
    match (random.below(4), ring) {
        // A slot that is marked as it should be, of any kind and length.
        (0, Some(ring)) => {
            let slots = u32::try_from(ring.words / 8).unwrap_or(1);
            let slot = random.below(slots);
            let first = ring.first_word + slot as usize * 8;
            let lap = u64::from(random.below(3)) * u64::from(slots);
            let (kind, bytes) = (u64::from(random.below(20)), u64::from(random.below(300)));
            for word in 1..8 {
                words.store(first + word, random.word());
            }
            words.store(
                first,
                (u64::from(slot) + 1 + lap) | kind << 32 | bytes << 48,
            );
        }
        (1, _) => {
            let heads = attached.layout.event_head(
                random.below(attached.layout.shape().notifiers),
                random.below(workers),
            );
            if let Some(head) = heads {
                words.store(head.first_word, random.word());
            }
        }
        _ => words.store(random.below(count) as usize, random.word()),
    }
}

/// Says of all contexts that they have spoken, and wakes the workers.
fn speak_up(attached: &Attached) {
    for (worker, bell) in (0..).zip(&attached.bells) {
        if let Some(bits) = attached.layout.ready_bits(worker) {
            for word in 0..bits.words {
                attached.application.store(bits.first_word + word, u64::MAX);
            }
        }
        bell.ring();
    }
}

const PAGE_BYTES: usize = 4096;
