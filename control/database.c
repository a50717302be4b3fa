// SPDX-License-Identifier: BSD-3-Clause
#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define APPLICATION_ID 0x74307864 // "t0xd": whose file it is
#define SIZE_MIN 512 // of a database: the smallest page
#define LOCK_STEP_MS 10
#define BUSY_WAIT_MS 2000 // for someone who reads the file with other tools

// The schema: migration n brings a file of version n to version n + 1. What has been released is
// never altered; a new version is a new entry.
static const char *const migrations[] = {
	"CREATE TABLE cloud ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE,"
	" location TEXT NOT NULL,"
	" port TEXT NOT NULL,"
	" vlan INTEGER NOT NULL,"
	" gateway_ipv4 TEXT, gateway_ipv6 TEXT,"
	" router_ipv4 TEXT, router_ipv6 TEXT,"
	" router_mac TEXT,"
	" network_block_ipv4 TEXT, network_block_ipv6 TEXT,"
	" mtu INTEGER NOT NULL,"
	" created_at INTEGER NOT NULL,"
	" created_by TEXT NOT NULL"
	") STRICT;"
	"CREATE TABLE segment ("
	" cloud INTEGER NOT NULL REFERENCES cloud (id) ON DELETE CASCADE,"
	" name TEXT NOT NULL,"
	" gateway_address_ipv4 TEXT, gateway_address_ipv6 TEXT,"
	" routed INTEGER NOT NULL,"
	" UNIQUE (cloud, name)"
	") STRICT;"
	"CREATE TABLE interconnect ("
	" position INTEGER PRIMARY KEY," // the order of creation; ids are used again
	" id INTEGER NOT NULL UNIQUE,"
	" name TEXT NOT NULL,"
	" cloud INTEGER NOT NULL REFERENCES cloud (id),"
	" peer INTEGER NOT NULL REFERENCES cloud (id),"
	" phase TEXT NOT NULL,"
	" created_at INTEGER NOT NULL,"
	" created_by TEXT NOT NULL"
	") STRICT;"
	"CREATE UNIQUE INDEX interconnect_pair ON interconnect (min(cloud, peer), max(cloud, peer));"
	"CREATE TABLE grant ("
	" principal TEXT NOT NULL,"
	" cloud INTEGER NOT NULL REFERENCES cloud (id) ON DELETE CASCADE,"
	" role TEXT NOT NULL,"
	" UNIQUE (principal, cloud)"
	") STRICT;"
	"CREATE TABLE event ("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" at INTEGER NOT NULL,"
	" principal TEXT NOT NULL,"
	" action TEXT NOT NULL,"
	" object TEXT NOT NULL,"
	" cloud TEXT NOT NULL,"
	" peer TEXT NOT NULL,"
	" text TEXT NOT NULL"
	") STRICT;",
};
#define VERSION ((int)(sizeof(migrations) / sizeof(migrations[0])))

// Where the opening has got to, and where it says what went wrong.
struct opening {
	struct database *database;
	char *error;
	size_t size;
};

static int fail(struct opening *opening, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

// One line, whatever SQLite says.
static int fail(struct opening *opening, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(opening->error, opening->size, format, args);
	va_end(args);
	for (char *c = opening->error; *c; c++) {
		if (*c == '\n')
			*c = ' ';
	}
	return -1;
}

// Directory and lock

static void sleep_ms(int ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

static int take_lock(int fd, int wait_ms)
{
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (wait_ms <= 0)
			return -EWOULDBLOCK;
		sleep_ms(LOCK_STEP_MS);
		wait_ms -= LOCK_STEP_MS;
	}
	return 0;
}

// The holder's process id stands in the lock file, to be named to the next who comes.
static void write_holder(int fd)
{
	if (ftruncate(fd, 0) == 0)
		dprintf(fd, "%d\n", (int)getpid());
}

static int read_holder(int fd)
{
	char text[16] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? atoi(text) : 0;
}

static int lock_directory(struct opening *opening, const char *dir, int wait_ms)
{
	char file[sizeof(opening->database->file)];
	int fd, result;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return fail(opening, "%s: cannot create the directory: %s", dir, strerror(errno));
	snprintf(file, sizeof(file), "%s/lock", dir);
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(opening, "%s: cannot open: %s", file, strerror(errno));
	result = take_lock(fd, wait_ms);
	if (result == 0) {
		write_holder(fd);
		opening->database->lock = fd;
		return 0;
	}
	if (result == -EWOULDBLOCK)
		fail(opening,
		     "%s: locked by another t0xd (process %d): stop it, or give this one a "
		     "directory of its own with --state",
		     file, read_holder(fd));
	else
		fail(opening, "%s: cannot lock: %s", file, strerror(-result));
	close(fd);
	return -1;
}

// SQLite

static int fail_sqlite(struct opening *opening, const char *file, const char *what)
{
	sqlite3 *sqlite = opening->database->sqlite;
	int code = sqlite ? sqlite3_errcode(sqlite) : SQLITE_NOMEM;

	if (code == SQLITE_NOTADB)
		return fail(
			opening,
			"%s: not a database: move it away to start empty, or put a backup in its "
			"place; it was left as it is",
			file
		);
	if (code == SQLITE_CORRUPT)
		return fail(
			opening,
			"%s: damaged (%s): put a backup in its place, or move it away to start "
			"empty; it was left as it is",
			file, sqlite3_errmsg(sqlite)
		);
	return fail(
		opening, "%s: cannot %s: %s", file, what,
		sqlite ? sqlite3_errmsg(sqlite) : sqlite3_errstr(code)
	);
}

static int open_sqlite(struct opening *opening, const char *file)
{
	struct database *database = opening->database;

	if (sqlite3_open_v2(
		    file, &database->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL
	    ) != SQLITE_OK)
		return fail_sqlite(opening, file, "open");
	sqlite3_busy_timeout(database->sqlite, BUSY_WAIT_MS);
	// Until the file is known to be ours and sound, closing writes nothing into it.
	sqlite3_db_config(database->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return 0;
}

static void close_sqlite(struct database *database)
{
	sqlite3_close(database->sqlite);
	database->sqlite = NULL;
}

static int execute(struct opening *opening, const char *file, const char *sql)
{
	if (sqlite3_exec(opening->database->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return fail_sqlite(opening, file, "set up");
}

// The first column of the first row that a pragma gives.
static int query(
	struct opening *opening, const char *file, const char *sql, char *answer, size_t size
)
{
	sqlite3_stmt *statement = NULL;
	int result = 0;

	if (sqlite3_prepare_v2(opening->database->sqlite, sql, -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW)
		result = fail_sqlite(opening, file, "read");
	else
		snprintf(answer, size, "%s", (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return result;
}

static int query_number(struct opening *opening, const char *file, const char *sql, int *number)
{
	char answer[16];

	if (query(opening, file, sql, answer, sizeof(answer)) < 0)
		return -1;
	*number = atoi(answer);
	return 0;
}

// SQLite takes a file without a whole header for a new one.
static int check_not_short(struct opening *opening, const char *file)
{
	struct stat status;

	if (stat(file, &status) < 0)
		return fail(opening, "%s: cannot read: %s", file, strerror(errno));
	if (status.st_size >= SIZE_MIN)
		return 0;
	return fail(
		opening,
		"%s: damaged (%lld bytes only): put a backup in its place, or move it away to "
		"start empty; it was left as it is",
		file, (long long)status.st_size
	);
}

// Is it our file, of a version that we know, and sound? Only reads.
static int check(struct opening *opening, const char *file, int *version)
{
	char answer[256];
	int application;

	if (query_number(opening, file, "PRAGMA application_id", &application) < 0 ||
	    query_number(opening, file, "PRAGMA user_version", version) < 0)
		return -1;
	if (application != APPLICATION_ID)
		return fail(
			opening,
			"%s: the database of another program: move it away, or give another "
			"directory with --state; it was left as it is",
			file
		);
	if (*version > VERSION || *version < 1)
		return fail(
			opening,
			"%s: of schema version %d, and this t0xd knows up to %d: install the t0xd "
			"that wrote it, or a later one; it was left as it is",
			file, *version, VERSION
		);
	if (query(opening, file, "PRAGMA quick_check(1)", answer, sizeof(answer)) < 0)
		return -1;
	if (strcmp(answer, "ok") != 0)
		return fail(
			opening,
			"%s: damaged (%s): put a backup in its place, or move it away to start "
			"empty; it was left as it is",
			file, answer
		);
	return 0;
}

static int migrate(struct opening *opening, const char *file, int version)
{
	char sql[64];

	if (version == VERSION)
		return 0;
	if (execute(opening, file, "BEGIN IMMEDIATE") < 0)
		return -1;
	for (int i = version; i < VERSION; i++) {
		if (execute(opening, file, migrations[i]) < 0)
			return -1;
	}
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", VERSION);
	if (execute(opening, file, sql) < 0)
		return -1;
	return execute(opening, file, "COMMIT");
}

// Making a new one

static int sync_path(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	int result = fd < 0 ? -1 : fsync(fd);

	if (fd >= 0)
		close(fd);
	return result;
}

static int make_empty_file(const char *file)
{
	int fd;

	unlink(file); // of a predecessor that died here
	fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	return close(fd);
}

// The log of a database that was moved away would be taken for the log of the new one.
static int put_old_log_aside(const char *file)
{
	char log[sizeof(((struct database *)NULL)->file) + 8];
	char aside[sizeof(log) + 8];

	snprintf(log, sizeof(log), "%s-wal", file);
	snprintf(aside, sizeof(aside), "%s.old", log);
	if (rename(log, aside) < 0 && errno != ENOENT)
		return -1;
	snprintf(log, sizeof(log), "%s-shm", file);
	return unlink(log) < 0 && errno != ENOENT ? -1 : 0;
}

static int create(struct opening *opening, const char *dir, const char *file)
{
	char new[sizeof(opening->database->file) + 8];
	char sql[64];
	int result;

	snprintf(new, sizeof(new), "%s.new", file);
	if (put_old_log_aside(file) < 0 || make_empty_file(new) < 0)
		return fail(opening, "%s: cannot create: %s", new, strerror(errno));
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", APPLICATION_ID);
	result = open_sqlite(opening, new) < 0 || execute(opening, new, sql) < 0 ||
		migrate(opening, new, 0) < 0;
	close_sqlite(opening->database);
	if (result)
		return -1;
	if (sync_path(new, 0) < 0 || rename(new, file) < 0 || sync_path(dir, O_DIRECTORY) < 0)
		return fail(opening, "%s: cannot create: %s", file, strerror(errno));
	return 0;
}

static int open_checked(struct opening *opening, const char *dir)
{
	const char *file = opening->database->file;
	int version;

	if (access(file, F_OK) < 0 && create(opening, dir, file) < 0)
		return -1;
	if (check_not_short(opening, file) < 0 || open_sqlite(opening, file) < 0 ||
	    check(opening, file, &version) < 0)
		return -1;
	sqlite3_db_config(opening->database->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	if (execute(opening, file,
		    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		    "PRAGMA foreign_keys = ON") < 0)
		return -1;
	return migrate(opening, file, version);
}

int database_open(
	struct database *database, const char *dir, int lock_wait_ms, char *error, size_t size
)
{
	struct opening opening = {.database = database, .error = error, .size = size};

	database->sqlite = NULL;
	database->lock = -1;
	if ((size_t)snprintf(database->file, sizeof(database->file), "%s/t0x.db", dir) >=
	    sizeof(database->file))
		return fail(&opening, "%s: the path is too long", dir);
	if (lock_directory(&opening, dir, lock_wait_ms) < 0)
		return -1;
	if (open_checked(&opening, dir) == 0)
		return 0;
	database_close(database);
	return -1;
}

void database_close(struct database *database)
{
	close_sqlite(database);
	if (database->lock >= 0)
		close(database->lock);
	database->lock = -1;
}
