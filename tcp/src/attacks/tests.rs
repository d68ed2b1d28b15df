use std::path::Path;

use super::ATTACKS;

/// What is wrong with a guard, if anything.
fn broken(guard: &str) -> Option<String> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (path, test) = match guard.split_once(": ") {
        Some((path, test)) => (path, Some(test)),
        None => (guard, None),
    };
    let Ok(text) = std::fs::read_to_string(top.join(path)) else {
        return Some(format!("no file {path}"));
    };
    let is_script = path.ends_with(".pkt");
    match test {
        None if is_script => None,
        None => Some(format!("{path}: no test named")),
        Some(figure) if path.ends_with(".snapshot") => {
            (!text.contains(figure)).then(|| format!("no {figure} in {path}"))
        }
        Some(test) => {
            let is_there = text.contains(&format!("fn {test}("));
            (!is_there).then(|| format!("no test {test} in {path}"))
        }
    }
}

#[test]
fn every_attack_has_an_answer_and_guards_that_are_there() {
    let mut names = Vec::new();
    for attack in ATTACKS.iter().copied().flatten() {
        for word in [attack.name, attack.source, attack.does, attack.answer] {
            assert!(!word.is_empty(), "{attack:?}");
        }
        assert!(!attack.guards.is_empty(), "{} has no guard", attack.name);
        let wrong: Vec<_> = attack
            .guards
            .iter()
            .filter_map(|guard| broken(guard))
            .collect();
        assert!(wrong.is_empty(), "{}: {wrong:?}", attack.name);
        names.push(attack.name);
    }
    names.sort_unstable();
    names.dedup();
    let count: usize = ATTACKS.iter().map(|attacks| attacks.len()).sum();
    assert_eq!(names.len(), count, "a name stands twice");
}

#[test]
fn a_guard_that_is_not_there_is_noticed() {
    assert!(broken("tcp/tests/states/nothing.rs: a_test").is_some());
    assert!(broken("tcp/src/attacks/tests.rs: nothing_of_that_name").is_some());
    assert!(broken("tcp/src/attacks/tests.rs").is_some());
    assert!(broken("bench/lab/instructions.snapshot: a figure").is_some());
    assert!(broken("tcp/src/attacks/tests.rs: a_guard_that_is_not_there_is_noticed").is_none());
}
