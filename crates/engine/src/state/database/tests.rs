use std::{fs, os::unix::fs::PermissionsExt, path::Path, thread};

use super::*;

const NUMBERS: StoreSchema = StoreSchema {
    file: "numbers.sqlite",
    schema: "CREATE TABLE number (value INTEGER); INSERT INTO number VALUES (0)",
    later: "",
    check: "SELECT value FROM number",
};

fn value(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT value FROM number", [], |row| row.get(0))
}

fn add_one(database: &mut StoreFile) -> Result<i64, Error> {
    database.write(|transaction| {
        let value = value(transaction)? + 1;
        transaction.execute("UPDATE number SET value = ?", [value])?;
        Ok(value)
    })
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn many_write_at_once() {
    let root = tempfile::tempdir().unwrap();
    let namespace = Namespace::within(root.path());
    let writer = |_| {
        let namespace = namespace.clone();
        thread::spawn(move || {
            let mut database = StoreFile::new(namespace, NUMBERS);
            (0..50).map(|_| add_one(&mut database).unwrap()).max()
        })
    };
    let threads: Vec<_> = (0..4).map(writer).collect();
    let values = threads.into_iter().map(|thread| thread.join().unwrap());
    assert_eq!(values.max(), Some(Some(4 * 50)));
}

#[test]
fn the_file_and_its_journal_are_private() {
    let root = tempfile::tempdir().unwrap();
    let namespace = Namespace::within(root.path());
    let mut database = StoreFile::new(namespace.clone(), NUMBERS);
    assert_eq!(database.read(value), None);
    assert!(!namespace.directory().exists(), "a reader makes nothing");
    let path = namespace.directory().join(NUMBERS.file);
    let journal = path.with_extension("sqlite-journal");
    let modes = database.write(|transaction| {
        transaction.execute("UPDATE number SET value = 7", [])?;
        Ok((mode(&path), mode(&journal)))
    });
    assert_eq!(modes.unwrap(), (0o600, 0o600));
}

#[test]
fn a_damaged_file_is_moved_aside_and_made_again() {
    let root = tempfile::tempdir().unwrap();
    let namespace = Namespace::within(root.path());
    let path = namespace.directory().join(NUMBERS.file);
    let aside = namespace.directory().join("numbers.sqlite.damaged");
    let mut other = StoreFile::new(namespace.clone(), NUMBERS);
    let script = |sql: &'static str| {
        let path = path.clone();
        move || Connection::open(&path).unwrap().execute_batch(sql).unwrap()
    };
    let noise = || {
        let mut bytes = fs::read(&path).unwrap();
        fastrand::Rng::with_seed(7).fill(&mut bytes[100..]);
        fs::write(&path, bytes).unwrap();
    };
    let damages: [(&str, &dyn Fn()); 5] = [
        ("no database", &|| fs::write(&path, [7; 4096]).unwrap()),
        ("random pages", &noise),
        ("another format", &script("PRAGMA user_version = 7")),
        ("other columns", &script("DROP TABLE number; CREATE TABLE number (a)")),
        (
            "an earlier version with other columns",
            &script("PRAGMA user_version = 0; DROP TABLE number; CREATE TABLE number (a)"),
        ),
    ];
    for (what, damage) in damages {
        let mut database = StoreFile::new(namespace.clone(), NUMBERS);
        assert_eq!(add_one(&mut database).unwrap(), 1, "{what}");
        drop(database);
        damage();
        let mut database = StoreFile::new(namespace.clone(), NUMBERS);
        assert_eq!(database.read(value), None, "{what}");
        assert!(aside.exists() && !path.exists(), "{what}: it is moved by a reader");
        damage_again(&path, &aside);
        let mut database = StoreFile::new(namespace.clone(), NUMBERS);
        assert_eq!(add_one(&mut database).unwrap(), 1, "{what}");
        assert_eq!(mode(&path), 0o600);
        thread::sleep(PAUSE);
        assert_eq!(other.read(value), Some(1), "one that had the former file open: {what}");
        fs::remove_file(&path).unwrap();
        fs::remove_file(&aside).unwrap();
    }
}

/// So that a writer finds it.
fn damage_again(path: &Path, aside: &Path) {
    fs::rename(aside, path).unwrap();
}

#[test]
fn an_earlier_version_with_the_same_tables_is_read() {
    let root = tempfile::tempdir().unwrap();
    let namespace = Namespace::within(root.path());
    let path = namespace.directory().join(NUMBERS.file);
    add_one(&mut StoreFile::new(namespace.clone(), NUMBERS)).unwrap();
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 0").unwrap();
    assert_eq!(StoreFile::new(namespace, NUMBERS).read(value), Some(1));
}

#[test]
fn a_file_that_cannot_be_opened_stays() {
    let root = tempfile::tempdir().unwrap();
    let namespace = Namespace::within(root.path());
    let path = namespace.directory().join(NUMBERS.file);
    fs::create_dir_all(&path).unwrap();
    let mut database = StoreFile::new(namespace, NUMBERS);
    assert_eq!(database.read(value), None);
    let error = add_one(&mut database).unwrap_err();
    assert!(error.to_string().contains("numbers.sqlite"), "{error}");
    assert!(path.is_dir());
    fs::remove_dir(&path).unwrap();
    assert_eq!(add_one(&mut database).unwrap(), 1);
}

/// The file belongs to the daemon's user, and root reads it.
#[test]
fn the_name_of_a_table_is_no_statement() {
    let root = tempfile::tempdir().unwrap();
    let namespace = Namespace::within(root.path());
    namespace.make().unwrap();
    let path = namespace.directory().join(NUMBERS.file);
    let former = Connection::open(&path).unwrap();
    let name = r#"x""; CREATE TABLE injected (value); --"#;
    former.execute_batch(&format!("CREATE TABLE \"{name}\" (value)")).unwrap();
    drop(former);
    let mut database = StoreFile::new(namespace, NUMBERS);
    assert_eq!(add_one(&mut database).unwrap(), 1);
    let injected = "SELECT 1 FROM sqlite_master WHERE name = 'injected'";
    let found = Connection::open(&path).unwrap().prepare(injected).unwrap().exists([]).unwrap();
    assert!(!found);
}

/// A journal that names another file, as one of several databases: SQLite removes it when the journal was
/// played back (`pager_delsuper`, <https://sqlite.org/fileformat2.html#the_rollback_journal>).
fn journal_of_several(file: &Path, names: &Path) -> Vec<u8> {
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    const PAGE: u32 = 4096;
    const SECTOR: u32 = 512;
    let name = names.to_str().unwrap().as_bytes();
    let pages = u32::try_from(fs::metadata(file).unwrap().len()).unwrap() / PAGE;
    let mut journal = MAGIC.to_vec();
    // No records, no nonce.
    journal.extend([0, 0, pages, SECTOR, PAGE].map(u32::to_be_bytes).concat());
    journal.resize(SECTOR as usize, 0);
    journal.extend(((1_u32 << 30) / PAGE + 1).to_be_bytes());
    journal.extend(name);
    let sum = name.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    journal.extend([u32::try_from(name.len()).unwrap(), sum].map(u32::to_be_bytes).concat());
    journal.extend(MAGIC);
    journal
}

#[test]
fn root_removes_no_file_for_the_daemons_user() {
    const OTHER: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root reads the files of another user");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let roots = root.path().join("of-root");
    fs::write(&roots, "").unwrap();
    let namespace = Namespace::within(root.path());
    StoreFile::new(namespace.clone(), NUMBERS).prepare().unwrap();
    let file = namespace.directory().join(NUMBERS.file);
    let journal = journal_of_several(&file, &roots);
    fs::write(file.with_extension("sqlite-journal"), journal).unwrap();
    sys::owner::give_with_files(namespace.directory(), OTHER, OTHER).unwrap();
    let mut database = StoreFile::new(namespace, NUMBERS);
    let _ = database.read(value);
    let _ = add_one(&mut database);
    assert!(roots.exists());
}
