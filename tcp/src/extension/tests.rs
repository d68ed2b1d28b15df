use super::{ExtensionHandle, Extensions};

#[test]
fn blocks_are_bounded_and_come_back() {
    let mut blocks = Extensions::new(2);
    let mut handles = [(); 3].map(|()| ExtensionHandle::default());
    for handle in &mut handles[..2] {
        assert!(blocks.get(handle).is_none(), "nobody has a block unasked");
        assert!(blocks.ensure(handle).is_some());
        assert!(blocks.get(handle).is_some());
    }
    assert!(blocks.ensure(&mut handles[2]).is_none(), "both are taken");
    assert!(!handles[2].is_held());
    assert!(blocks.ensure(&mut handles[0]).is_some(), "it has one");
    assert_eq!(blocks.live(), 2);

    blocks.release(&mut handles[0]);
    blocks.release(&mut handles[0]);
    assert_eq!(blocks.live(), 1, "given back once");
    assert!(!handles[0].is_held());
    assert!(blocks.ensure(&mut handles[2]).is_some());
    assert_eq!(blocks.live(), 2);
}
