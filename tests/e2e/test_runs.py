"""`mesascope runs`, and commands on results that lie on servers."""

import contextlib
import importlib
import json
import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

import mesascope.studies
from mesascope import extras
from mesascope.cli import main
from mesascope.report.bench.trained import BenchTraining
from mesascope.runs.archive import Archive, Result
from mesascope.runs.place import place_of
from mesascope.runs.store import Store
from mesascope.studies import find_study
from mesascope.study.cell import place_shared
from servers import LITTLE_ROOM, free_port, missing_s3, missing_sftp, s3_server, sftp_server

FAKES = str(Path(__file__).parents[1] / "fake_studies")
FAKE = "fake2099-fig1"


@pytest.fixture
def cli(monkeypatch, tmp_path):
    """`main`, in an empty directory, with one study only."""
    monkeypatch.setattr(mesascope.studies, "__path__", [FAKES])
    for name in ("MESASCOPE_RUNS", "FAKE_LOG", "FAKE_GATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("MESASCOPE_WORKERS", "1")
    monkeypatch.chdir(tmp_path)
    return lambda *words: main(list(words))


@pytest.fixture
def document(cli, capsys):
    """What a command prints with --json, and its exit code."""

    def document(*words):
        capsys.readouterr()
        code = cli(*words, "--json")
        out, err = capsys.readouterr()
        assert err == ""
        return json.loads(out), code

    return document


@pytest.fixture
def refused(cli, capsys):
    """Checks that a command ends with exit code 2, a sentence and no traceback; the sentence."""

    def refused(*words):
        capsys.readouterr()
        assert cli(*words) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert "Traceback" not in err
        return err

    return refused


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Results of the fake study at two presets and with settings that are none."""
    folder = tmp_path_factory.mktemp("ran")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mesascope.studies, "__path__", [FAKES])
        store = Store(folder)
        for changes in ({"name": "smoke"}, {}, {"size": 6, "error": 0.5}):
            find_study(FAKE).preset(**changes).run(store)
    return folder


@pytest.fixture
def stored(cli, ran):
    """Those results, in ./runs."""
    shutil.copytree(ran, "runs")


def results():
    return sorted(Path("runs", FAKE).glob("*.safetensors"))


def test_the_list_names_every_result(stored, cli, document, capsys):
    found, code = document("runs", "list")
    assert code == 0
    assert found["unreadable"] == []
    assert sorted((each["preset"], each["label"]) for each in found["results"]) == [
        (preset, f"part {part}") for preset in ("custom", "quick", "smoke") for part in (1, 2)
    ]
    for each in found["results"]:
        assert (each["study"], each["seeds"], each["version"]) == (FAKE, 3, mesascope.__version__)
        assert each["size"] == Path("runs", FAKE, f"{each['key']}.safetensors").stat().st_size
        assert each["finished"].startswith("20")
        assert each["seconds"] >= 0
    assert cli("runs", "list", FAKE) == 0
    out, _ = capsys.readouterr()
    assert "6 results in runs" in out
    assert all(each["key"][:12] in out for each in found["results"])


def test_a_result_is_shown_whole(stored, cli, document, capsys):
    (path, *_) = results()
    found, code = document("runs", "show", path.stem[:9])
    (page,) = found["results"]
    assert code == 0
    assert (page["key"], page["file"]) == (path.stem, str(path))
    assert page["config"]["class"] == "DoublingCell"
    assert page["arrays"]["difference"] == {"dtype": "float64", "shape": [3]}
    assert page["provenance"]["versions"]["mesascope"] == mesascope.__version__
    assert len(document("runs", "show", FAKE)[0]["results"]) == 6
    assert cli("runs", "show", path.stem) == 0
    out, _ = capsys.readouterr()
    for text in (path.stem, "DoublingCell", "difference", "float64", "num_devices"):
        assert text in out


def test_what_is_not_there_is_answered_with_the_nearest(stored, refused):
    assert f"no result 'fake2099-fg1' in runs. Did you mean '{FAKE}'?" in refused("runs", "show", "fake2099-fg1")
    assert f"no result of 'fake2099-fg1'. Did you mean '{FAKE}'?" in refused("runs", "list", "fake2099-fg1")
    assert "Did you mean 'verify'?" in refused("runs", "verfy")
    assert "must be followed by list, show, verify, gc, export" in refused("runs")
    assert "no option --yess. Did you mean '--yes'?" in refused("runs", "gc", "--yess")


def test_verify_has_exit_code_1_where_something_is_damaged(stored, cli, document, capsys):
    nothing = {name: [] for name in ("damaged", "without_a_checksum", "without_a_list_of_arrays", "left_over")}
    assert document("runs", "verify") == ({"runs": "runs", "num_results": 6, **nothing}, 0)
    first, second, *_ = results()
    first.write_bytes(first.read_bytes()[:-1])
    second.with_name(f"{'0' * 64}.partial").write_bytes(b"half")
    found, code = document("runs", "verify")
    assert code == 1
    assert [each["file"] for each in found["damaged"]] == [f"{FAKE}/{first.name}"]
    assert [each["file"] for each in found["left_over"]] == [f"{FAKE}/{'0' * 64}.partial"]
    assert cli("runs", "verify") == 1
    out, _ = capsys.readouterr()
    assert re.search(rf"{first.name} .* is damaged", out)
    assert "6 results in runs, 1 damaged, 1 left over." in out


@pytest.fixture
def as_before(monkeypatch):
    """As the version before this one."""

    @contextlib.contextmanager
    def patched():
        with monkeypatch.context() as patch:
            patch.setattr(importlib.import_module("mesascope.study.cell"), "__version__", "0.0.9")
            yield

    return patched


def test_gc_deletes_results_of_another_version_and_only_with_yes(stored, cli, document, capsys, as_before):
    """Those with settings of the user's own are kept."""
    current = set(results())
    with as_before():
        cli("run", FAKE, "--quiet")
    before = {path: path.read_bytes() for path in results()}
    older = {f"{FAKE}/{path.name}" for path in before.keys() - current}
    capsys.readouterr()
    found, code = document("runs", "gc")
    assert (code, found["kept"], found["deleted"]) == (0, [], [])
    assert {each["file"] for each in found["unused"]} == older
    assert cli("runs", "gc") == 0
    out, _ = capsys.readouterr()
    assert "Nothing was deleted. `--yes` deletes these 2 files" in out
    assert {path: path.read_bytes() for path in results()} == before
    found, _ = document("runs", "gc", "--yes")
    assert {each["file"] for each in found["deleted"]} == older
    assert set(results()) == current
    assert cli("runs", "gc", "--yes") == 0
    assert "nothing to delete" in capsys.readouterr().out


def test_gc_keeps_the_layer_that_reports_hold(stored, document):
    cell = place_shared(BenchTraining())
    Archive("runs").write(cell, Result({"weights": np.zeros(2)}, {"seconds": 1.0}))
    assert document("runs", "gc")[0]["unused"] == []


def test_gc_keeps_results_of_studies_that_are_not_known_here(stored, cli, capsys, monkeypatch, refused):
    assert "only studies that this version does not know" in refused("runs", "gc", FAKE)
    monkeypatch.setattr(mesascope.studies, "__path__", [])
    assert cli("runs", "gc", "--yes") == 0
    assert "of a study that this version does not know" in capsys.readouterr().out
    assert len(results()) == 6
    assert cli("runs", "gc", FAKE, "--yes") == 0
    assert results() == []


def test_an_export_is_read_by_what_reads_parquet(stored, cli, document, capsys):
    duckdb, pandas, polars = map(pytest.importorskip, ("duckdb", "pandas", "polars"))
    pytest.importorskip("pyarrow")
    found, code = document("runs", "export", "--to", "all.parquet")
    assert code == 0
    assert sorted(each["preset"] for each in found["studies"]) == ["custom", "quick", "smoke"]
    assert (found["left_out"], found["num_rows"]) == ({}, 12)  # three seeds and one number more, three times
    query = "select preset, seed, number, bound, verdict from 'all.parquet' where claim = 'double' order by all"
    assert duckdb.sql(query).fetchall() == [
        *(("custom", seed, 0.5, 0.1, "not reproduced") for seed in range(3)),
        *(("quick", seed, 0.0, 0.1, "reproduced") for seed in range(3)),
        *(("smoke", seed, 0.0, 0.1, "not decided at this size") for seed in range(3)),
    ]
    by_pandas, by_polars = pandas.read_parquet("all.parquet"), polars.read_parquet("all.parquet")
    assert len(by_pandas) == len(by_polars) == 12
    assert list(by_pandas.columns) == by_polars.columns
    measured = by_polars.filter(polars.col("kind") == "also measured").sort("number")
    assert measured["claim"].unique().to_list() == ["largest double"]
    assert measured["number"].to_list() == [2.0, 6.0, 10.0]
    assert measured["seed"].to_list() == [None] * 3
    assert set(by_pandas["version"]) == {mesascope.__version__}
    assert str(by_pandas["finished"].dtype).startswith("datetime64")
    assert json.loads(by_pandas["settings"][0])["class"] == "Doubling"
    assert by_polars["cells"].to_list()[0] == ["part 1", "part 2"]
    keys = {key for row in by_polars["keys"].to_list() for key in row}
    assert keys == {path.stem for path in results()}


def test_an_export_is_never_written_over_and_says_what_is_left_out(stored, cli, refused, capsys):
    pytest.importorskip("pyarrow")
    assert "must end in .parquet" in refused("runs", "export", "--to", "all.csv")
    assert "no study 'nobody'" in refused("runs", "export", "nobody", "--to", "all.parquet")
    results()[0].unlink()
    assert cli("runs", "export", "--to", "all.parquet") == 0
    before = Path("all.parquet").read_bytes()
    assert "must be a new file" in refused("runs", "export", "--to", "all.parquet")
    for path in results():
        path.write_bytes(b"")
    assert "no study has all its results" in refused("runs", "export", "--to", "all.parquet", "--force")
    assert Path("all.parquet").read_bytes() == before


def test_without_its_extra_an_action_says_what_to_install(stored, refused, monkeypatch):
    for extra in ("parquet", "sftp", "s3"):
        monkeypatch.setitem(extras.EXTRAS, extra, ("not-a-package-of-anybody",))
    assert "needs the extra `parquet`" in refused("runs", "export", "--to", "all.parquet")
    assert "needs the extra `sftp`" in refused("run", FAKE, "--runs", "sftp://nowhere/runs")
    assert "needs the extra `s3`" in refused("runs", "list", "--runs", "s3://nowhere/runs")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("ftp://host/path", "a folder, sftp://"),
        ("sftp://host", r"must read sftp://\[user@\]host"),
        ("sftp://host:port/path", "must read sftp://"),
        ("sftp://me:secret@host/path", r"without a password; got 'sftp://...@host/path'"),
        ("s3://", "must read s3://bucket/prefix"),
        ("s3://key:secret@bucket/prefix", r"without a key; got 's3://...@bucket/prefix'"),
    ],
)
@pytest.mark.parametrize("words", [("run", FAKE), ("export", FAKE, "--to", "to"), ("runs", "list")])
def test_an_address_that_cannot_be_is_refused(words, address, told, refused, monkeypatch):
    assert re.search(told, err := refused(*words, "--runs", address))
    assert "secret" not in err
    monkeypatch.setenv("MESASCOPE_RUNS", address)
    assert re.search(told, refused(*words))


def use(server, monkeypatch):
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def sftp(tmp_path_factory):
    if reason := missing_sftp():
        pytest.skip(reason)
    with sftp_server(tmp_path_factory.mktemp("sftp")) as server:
        yield server


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    if reason := missing_s3():
        pytest.skip(reason)
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(params=["sftp", "s3"])
def where(request, tmp_path, monkeypatch):
    """The address of an empty place on a server."""
    server = request.getfixturevalue(request.param)
    use(server, monkeypatch)
    if request.param == "sftp":
        return f"sftp://127.0.0.1:{server.port}{tmp_path}/there"
    client = place_of("s3://a-bucket/runs").client
    if not client.exists("a-bucket"):
        client.call_s3("create_bucket", Bucket="a-bucket")
    return f"s3://a-bucket/{tmp_path.name}"


def test_every_command_works_on_a_server(where, cli, document, capsys, tmp_path, as_before):
    monitor = tmp_path / "to"
    assert cli("run", FAKE, "--runs", where) == 0
    assert "Figures: runs/fake2099-fig1/figures-quick" in capsys.readouterr().out
    assert [path.name for path in Path("runs", FAKE).iterdir()] == ["figures-quick"]
    found, _ = document("runs", "list", "--runs", where)
    assert [each["preset"] for each in found["results"]] == ["quick"] * 2
    assert document("runs", "verify", "--runs", where)[1] == 0
    page = document("runs", "show", FAKE, "--runs", where)[0]["results"][0]
    assert page["file"] == f"{where}/{FAKE}/{page['key']}.safetensors"
    assert cli("export", FAKE, "--to", str(monitor), "--runs", where) == 0
    assert len(list(monitor.rglob("*.npz"))) == 2
    with as_before():
        cli("run", FAKE, "--runs", where, "--quiet")
    assert len(document("runs", "gc", "--runs", where)[0]["unused"]) == 2
    assert len(document("runs", "gc", "--runs", where, "--yes")[0]["deleted"]) == 2
    assert len(document("runs", "list", "--runs", where)[0]["results"]) == 2


@pytest.mark.slow
def test_processes_of_a_run_share_a_place_on_a_server(sftp, cli, capsys, monkeypatch, tmp_path):
    """They find the address, the keys and the study by themselves."""
    use(sftp, monkeypatch)
    where = f"sftp://127.0.0.1:{sftp.port}{tmp_path}/there"
    monkeypatch.setenv("MESASCOPE_STUDIES", FAKES)
    monkeypatch.setenv("JAX_ENABLE_X64", "1")
    monkeypatch.setattr("mesascope.cli.engines.SECONDS_WORTH_IT", 0.0)
    assert cli("run", FAKE, "--runs", where, "--workers", "2") == 0
    assert "1 of 1 claims reproduced" in capsys.readouterr().out


def test_a_login_that_is_refused(sftp, refused, monkeypatch, tmp_path):
    use(sftp, monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path))  # without keys
    (tmp_path / ".ssh").mkdir()
    known = (Path(sftp.environment["HOME"]) / ".ssh" / "known_hosts").read_text()
    (tmp_path / ".ssh" / "known_hosts").write_text(known)
    err = refused("run", FAKE, "--runs", f"sftp://127.0.0.1:{sftp.port}/{tmp_path.name}")
    assert "refused the login" in err
    assert "SSH agent" in err


@pytest.mark.parametrize("known", ["", "another"])
def test_a_server_whose_key_is_not_the_known_one(known, sftp, refused, monkeypatch, tmp_path):
    use(sftp, monkeypatch)
    home = Path(sftp.environment["HOME"])
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519").write_bytes((home / ".ssh" / "id_ed25519").read_bytes())
    other = " ".join((home / ".ssh" / "id_ed25519.pub").read_text().split()[:2])
    (tmp_path / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{sftp.port} {other}\n" if known else "")
    err = refused("run", FAKE, "--runs", f"sftp://127.0.0.1:{sftp.port}/{tmp_path.name}")
    assert "whose key is not the one in ~/.ssh/known_hosts" in err
    assert not (tmp_path / "there").exists()


def test_a_server_that_is_not_there(refused, monkeypatch, tmp_path):
    pytest.importorskip("asyncssh")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "cannot be reached" in refused("run", FAKE, "--runs", f"sftp://127.0.0.1:{free_port()}/runs")


def test_a_folder_without_the_right_to_write(refused, cli, monkeypatch, tmp_path):
    if reason := missing_sftp():
        pytest.skip(reason)
    with sftp_server(tmp_path, "-R") as server:  # which only reads
        use(server, monkeypatch)
        where = f"sftp://127.0.0.1:{server.port}{tmp_path}/there"
        assert "Permission denied" in refused("run", FAKE, "--runs", where)
        assert cli("runs", "list", "--runs", where) == 0


def test_a_disk_that_is_full_keeps_what_there_is(refused, cli, document, monkeypatch, tmp_path):
    """A server that may write files of a few kB at most, as a disk with so much room."""
    if reason := missing_sftp():
        pytest.skip(reason)

    monkeypatch.setattr("mesascope.cli.engines.beyond_presets", lambda study: False)
    with sftp_server(tmp_path, before=LITTLE_ROOM) as server:
        use(server, monkeypatch)
        where = f"sftp://127.0.0.1:{server.port}{tmp_path}/there"
        assert cli("run", FAKE, "--runs", where, "--quiet") == 0
        err = refused("run", FAKE, "--runs", where, "--size", "5000", "--quiet")
        assert "must be a folder that can be written to and has room" in err
        assert "intact" in err
        found, code = document("runs", "verify", "--runs", where)
    assert (code, found["num_results"], found["left_over"]) == (0, 2, [])


def test_a_connection_that_is_lost_is_made_again_and_a_server_that_is_gone_told_of(cli, refused, monkeypatch, tmp_path):
    if reason := missing_sftp():
        pytest.skip(reason)
    with sftp_server(tmp_path) as server:
        use(server, monkeypatch)
        where = f"sftp://127.0.0.1:{server.port}{tmp_path}/there"
        assert cli("run", FAKE, "--runs", where, "--quiet") == 0
        place_of(where).connection.client.exit()
        assert cli("run", FAKE, "--runs", where, "--quiet", "--force") == 0
    assert "cannot be reached" in refused("run", FAKE, "--runs", where, "--force", "--quiet")
    assert len(list(Path(tmp_path, "there", FAKE).iterdir())) == 2


def test_a_bucket_that_is_not_there(s3, refused, monkeypatch):
    use(s3, monkeypatch)
    for words in (("run", FAKE), ("runs", "list"), ("export", FAKE, "--to", "to")):
        assert "must name a bucket that is there; got 's3://no-such-bucket/x'" in refused(
            *words, "--runs", "s3://no-such-bucket/x"
        )


class Forbidding(BaseHTTPRequestHandler):
    """Answers everything as S3 answers who has no right."""

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        """Nothing."""


def test_a_bucket_without_the_right_to_use_it(s3, refused, monkeypatch):
    use(s3, monkeypatch)
    server = HTTPServer(("127.0.0.1", 0), Forbidding)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    err = refused("run", FAKE, "--runs", "s3://a-bucket/forbidden")
    server.shutdown()
    server.server_close()
    assert "must be a bucket that you may use" in err
    assert "AWS_ACCESS_KEY_ID" in err


def test_a_bucket_without_any_key(s3, refused, monkeypatch, tmp_path):
    use(s3, monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3.port}/")
    assert "AWS_ACCESS_KEY_ID" in refused("run", FAKE, "--runs", "s3://a-bucket/keyless")


def test_a_server_of_s3_that_is_gone(s3, refused, monkeypatch):
    use(s3, monkeypatch)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    assert "Look at AWS_ENDPOINT_URL" in refused("run", FAKE, "--runs", "s3://a-bucket/gone")


def test_nothing_of_the_servers_is_imported_for_a_folder(tmp_path):
    code = (
        "import sys; from mesascope.cli import main; main(['runs', 'list', '--runs', 'nowhere']); "
        "print([name for name in ('asyncssh', 's3fs', 'fsspec', 'pyarrow') if name in sys.modules])"
    )
    source = str(Path(mesascope.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": source}, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
