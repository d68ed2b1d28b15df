//! The table as it stands in `tcp/requirements`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// One RFC.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub rfc: u32,
    pub title: String,
    /// What in it is nobody's business here, and why.
    #[serde(default)]
    pub left_out: String,
    /// The sections that there are.
    pub sections: Vec<String>,
    pub requirement: Vec<Requirement>,
}

/// One requirement.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    pub id: String,
    pub section: String,
    pub text: String,
    /// Places in the code, as `path` or `path: item`.
    #[serde(default)]
    pub met: Vec<String>,
    /// Tests: a script's path, or `path: function`.
    #[serde(default)]
    pub tested: Vec<String>,
    /// Why it is not met and will not be.
    pub declined: Option<String>,
    /// What is missing.
    pub open: Option<String>,
}

impl Document {
    /// All, by number.
    pub fn all() -> Vec<Self> {
        let folder = top().join("tcp/requirements");
        let mut documents: Vec<Self> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .map(|entry| {
                let path = entry.expect("an entry").path();
                let text = std::fs::read_to_string(&path).expect("readable");
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            })
            .collect();
        documents.sort_by_key(|document| document.rfc);
        documents
    }

    /// What is wrong with its rows in themselves.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (index, row) in self.requirement.iter().enumerate() {
            let name = format!("RFC {} {}", self.rfc, row.id);
            if self.requirement[..index]
                .iter()
                .any(|other| other.id == row.id)
            {
                broken.push(format!("{name}: there twice"));
            }
            if !self.sections.contains(&row.section) {
                broken.push(format!("{name}: there is no section {}", row.section));
            }
            let is_done = !row.met.is_empty() && !row.tested.is_empty();
            let others = usize::from(row.declined.is_some()) + usize::from(row.open.is_some());
            if usize::from(is_done) + others != 1 {
                broken.push(format!(
                    "{name}: neither met and tested, nor declined, nor open"
                ));
            }
            let reason = row.declined.as_ref().or(row.open.as_ref());
            if reason.is_some_and(|reason| reason.trim().len() < 5) {
                broken.push(format!("{name}: no reason is given"));
            }
        }
        broken
    }
}

/// The repository.
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("bench lies in the repository")
        .to_owned()
}
