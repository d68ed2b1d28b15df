use super::*;

#[test]
fn a_run_goes_on_where_the_last_one_stopped() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("deep/record");
    let script = Path::new("closing/active.pkt");
    let first = Record::at(&path).expect("a new record");
    assert_eq!(first.known(Place::Kernel, script), None);
    first.keep(Place::Kernel, script, "pass (3 events)\nmore");
    let second = Record::at(&path).expect("the same record");
    assert_eq!(second.known(Place::Kernel, script), Some("pass (3 events)"));
    assert_eq!(second.known(Place::Daemon, script), None);
}
