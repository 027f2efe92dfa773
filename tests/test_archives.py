"""Archives from anywhere: what they may hold, how much of it, and what happens when they are damaged."""

import bz2
import gzip
import io
import lzma
import os
import random
import stat
import struct
import sys
import tarfile
import tracemalloc
import zipfile
from contextlib import contextmanager

import pytest

from nea_prospect.archives import Limits, RejectedFile, is_archive, iter_files

GOOD = "\n".join(f"{0.45 + number / 50:.4f} {1 + number / 99:.5f} 0.01" for number in range(40)).encode()
KINDS = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz")


def read(path, **limits):
    """Contents of the sound files by name, and the reasons of the others."""
    contents, reasons = {}, {}
    for name, content in iter_files(path, Limits(**limits)):
        if isinstance(content, RejectedFile):
            reasons[name] = str(content)
        else:
            contents[name] = content
    return contents, reasons


def make_zip(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def make_tar(path, members, mode="w"):
    """A tar of members (name, content) or of ready-made headers."""
    with tarfile.open(path, mode) as archive:
        for member in members:
            header = member if isinstance(member, tarfile.TarInfo) else header_of(*member)
            archive.addfile(header, io.BytesIO(b"" if header is member else member[1]))
    return path


def header_of(name, content=b"", kind=tarfile.REGTYPE):
    info = tarfile.TarInfo(name)
    info.size, info.type = len(content), kind
    return info


def make(path, kind, members):
    return make_zip(path, members) if kind == "zip" else make_tar(path, members, f"w:{kind[4:]}")


def refuse(path, message, **limits):
    """Assert that an archive is refused with one line that names it."""
    with pytest.raises(ValueError, match=message) as error:
        read(path, **limits)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@contextmanager
def memory(mib):
    """Assert that no more memory than this is taken."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < mib * 2**20
    finally:
        tracemalloc.stop()


class TestWhatIsRead:
    @pytest.mark.parametrize("kind", [*KINDS, "folder"])
    def test_every_container_gives_the_same_files(self, tmp_path, kind):
        members = {"a000001.txt": GOOD, "sub/a000002.txt": GOOD[::-1], "notes.md": b"hello", "empty": b""}
        path = tmp_path / "un dossier été"
        if kind == "folder":
            for name, content in members.items():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                (path / name).write_bytes(content)
        else:
            make(path, kind, members.items())
        assert read(path) == (members, {})
        assert is_archive(path) == (kind != "folder")

    def test_folders_are_no_files(self, tmp_path):
        make_zip(tmp_path / "a.zip", [("sub/", b""), ("sub/1.txt", GOOD)])
        make_tar(tmp_path / "a.tar", [header_of("sub", kind=tarfile.DIRTYPE), ("sub/1.txt", GOOD)])
        for name in ("a.zip", "a.tar"):
            assert read(tmp_path / name) == ({"sub/1.txt": GOOD}, {})

    @pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz"])
    def test_streams_that_follow_each_other_are_one_tar(self, tmp_path, kind):
        whole = make(tmp_path / "whole", "tar", [("1.txt", GOOD), ("2.txt", GOOD)]).read_bytes()
        compress = {"gz": gzip, "bz2": bz2, "xz": lzma}[kind[4:]].compress
        parts = [compress(whole[:700]), compress(whole[700:2000]), compress(b""), compress(whole[2000:])]
        (tmp_path / "parts").write_bytes(b"".join(parts) + bytes(512))
        assert read(tmp_path / "parts") == ({"1.txt": GOOD, "2.txt": GOOD}, {})
        (tmp_path / "parts").write_bytes(b"".join(parts[:-1]))
        refuse(tmp_path / "parts", "is damaged")

    def test_names_of_any_length_and_letters_are_kept(self, tmp_path):
        names = ["é" * 60 + ".txt", "a/" * 90 + "1.txt", "Божněmcová.txt"]
        for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            with tarfile.open(tmp_path / "a.tar", "w", format=form) as archive:
                for name in names:
                    archive.addfile(tarfile.TarInfo(name))
            assert list(read(tmp_path / "a.tar")[0]) == names

    def test_what_is_no_container_is_refused(self, tmp_path):
        for number, content in enumerate([b"neither", b"0.5 1.0\n" * 500, b"", b"PK\x05\x06"]):
            (tmp_path / str(number)).write_bytes(content)
        os.mkfifo(tmp_path / "pipe")
        for path in (*tmp_path.iterdir(), "/dev/zero", tmp_path / "missing.zip"):
            assert not is_archive(path)
            refuse(path, "neither a zip, a tar nor a folder")

    @pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
    def test_an_archive_that_is_damaged_from_its_start_or_cut_short_is_still_one(self, tmp_path, kind):
        path = make(tmp_path / "a", kind, [("1.txt", GOOD)])
        path.write_bytes(path.read_bytes()[:20])
        assert is_archive(path)
        refuse(path, "a is damaged: ")


class TestWhatIsRejected:
    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_what_does_not_belong_has_a_reason_and_the_rest_is_read(self, tmp_path):
        inner = make_zip(tmp_path / "inner.zip", [("a.txt", GOOD)]).read_bytes()
        outside = ["../2.txt", "a/../../3.txt", "/etc/4.txt", "C:/5.txt", "a\\..\\6.txt"]
        rejected = dict.fromkeys(outside, "points out") | {
            "7\x1b[31m.txt": "control characters",
            "8.zip": "archive inside",
            "__MACOSX/9.txt": "operating system",
            ".DS_Store": "operating system",
        }
        good = [("1.txt", GOOD), ("c/10.txt", GOOD), ("1.txt", b"twice")]
        members = [(name, inner if name == "8.zip" else GOOD) for name in rejected] + good
        for kind in ("zip", "tar.gz"):
            found = list(iter_files(make(tmp_path / "a", kind, members), Limits()))
            assert {(name, content) for name, content in found if isinstance(content, bytes)} == set(good)
            assert all(rejected[name] in str(reason) for name, reason in found if name in rejected)
            assert len(found) == len(members)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "inner.zip"], "nothing was unpacked"

    def test_links_are_not_followed(self, tmp_path):
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "2.txt").write_bytes(GOOD)
        os.symlink(tmp_path / "folder" / "2.txt", tmp_path / "folder" / "1.txt")
        os.symlink(tmp_path / "nowhere", tmp_path / "folder" / "3.txt")
        kinds = {"1.txt": tarfile.SYMTYPE, "3.txt": tarfile.LNKTYPE, "4.txt": tarfile.CHRTYPE}
        links = [header_of(name, kind=kind) for name, kind in kinds.items()]
        make_tar(tmp_path / "a.tar", [*links, ("2.txt", GOOD)])
        linked = zipfile.ZipInfo("1.txt")
        linked.external_attr = (stat.S_IFLNK | 0o777) << 16
        make_zip(tmp_path / "a.zip", [(linked, "/etc/passwd"), ("2.txt", GOOD)])
        for name, rejected in (("folder", ["1.txt", "3.txt"]), ("a.tar", kinds), ("a.zip", ["1.txt"])):
            contents, reasons = read(tmp_path / name)
            assert contents == {"2.txt": GOOD}
            assert reasons == dict.fromkeys(rejected, "a link or a device, not a file")

    def test_encrypted_and_corrupted_members_are_told_apart_from_sound_ones(self, tmp_path):
        path = make_zip(tmp_path / "a.zip", [("1.txt", GOOD), ("2.txt", GOOD[::-1] + GOOD), ("3.txt", GOOD)])
        data = bytearray(path.read_bytes())
        with zipfile.ZipFile(path) as archive:
            second, third = (archive.getinfo(name).header_offset for name in ("2.txt", "3.txt"))
        data[second + 60] ^= 0xFF
        for flags in (third + 6, data.rfind(b"PK\x01\x02") + 8):
            data[flags] |= 1
        path.write_bytes(data)
        contents, reasons = read(path)
        assert contents == {"1.txt": GOOD}
        assert "cannot be read" in reasons["2.txt"]
        assert reasons["3.txt"] == "encrypted"

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_members_that_only_unpack_in_one_go_are_rejected(self, tmp_path, method):
        path = make_zip(tmp_path / "a.zip", [("1.txt", GOOD)], method)
        assert f"compressed by method {method}" in read(path)[1]["1.txt"]


class TestLimits:
    @pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
    def test_a_bomb_is_refused_before_it_takes_memory(self, tmp_path, kind):
        bomb = make(tmp_path / "bomb", kind, [("1.txt", bytes(70 * 2**20)), ("2.txt", GOOD)])
        many = make(tmp_path / "many", kind, [(f"{number}.txt", bytes(2**20)) for number in range(30)])
        with memory(40):
            contents, reasons = read(bomb)
            refuse(many, "limit max_total_mib = 4 allows", max_total_mib=4)
            refuse(many, "limit max_files = 10 allows", max_files=10)
        assert contents == {"2.txt": GOOD}
        assert "70 MiB, more than the limit max_file_mib = 16" in reasons["1.txt"]

    def test_links_are_counted(self, tmp_path):
        links = [header_of(f"{number}.txt", kind=tarfile.SYMTYPE) for number in range(30)]
        refuse(make_tar(tmp_path / "a", links), "limit max_files = 10 allows", max_files=10)

    def test_a_zip_that_lies_about_a_size_gives_no_more_than_it_said(self, tmp_path):
        path = make_zip(tmp_path / "a.zip", [("1.txt", bytes(80 * 2**20)), ("2.txt", GOOD)])
        data = bytearray(path.read_bytes())
        entry = data.find(b"PK\x01\x02")
        data[entry + 24 : entry + 28] = struct.pack("<L", 100)
        path.write_bytes(data)
        with memory(10):
            contents, reasons = read(path)
        assert contents == {"2.txt": GOOD}
        assert "cannot be read" in reasons["1.txt"]

    @pytest.mark.parametrize("place", ["first", "second"])
    @pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
    def test_a_name_without_end_is_refused_before_it_takes_memory(self, tmp_path, kind, place):
        name = b"a" * (100 * 2**20)
        with tarfile.open(tmp_path / "a", "w:gz", compresslevel=1) as archive:
            if place == "second":
                archive.addfile(header_of("0.txt"))
            archive.addfile(header_of("././@LongLink", name, kind), io.BytesIO(name))
            archive.addfile(header_of("1.txt"))
        with memory(20):
            refuse(tmp_path / "a", "is damaged: a header of more" if place == "second" else "neither")

    def test_a_list_of_holes_without_end_is_refused_before_it_takes_memory(self, tmp_path):
        holes = b"100000000\n" + b"1\n" * (5 * 2**19)
        info = header_of("2.txt", holes)
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9"}
        with tarfile.open(tmp_path / "a", "w:gz", compresslevel=1) as archive:
            archive.addfile(header_of("1.txt"))
            archive.addfile(info, io.BytesIO(holes))
        with memory(100):
            refuse(tmp_path / "a", "is damaged: a header of more")


MEMBERS = {f"a00000{k}.txt": GOOD[k * 40 : 300 + k * 97] for k in range(1, 8)} | {"sub/8.o": GOOD}


def flip(data, place, bit):
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


def damages(data, count, seed):
    """Copies of some bytes: one bit flipped, cut short, something appended, a byte lost or set to zero."""
    rng = random.Random(seed)
    for number in range(count):
        place = rng.randrange(len(data))
        others = (
            data[:place],
            data + rng.randbytes(rng.randrange(1, 600)),
            data[:place] + data[place + 1 :],
            data[:place] + b"\0" + data[place + 1 :],
        )
        yield flip(data, place, rng.randrange(8)) if number % 2 else others[number // 2 % 4]


def check_damaged(path, kind, data, members=MEMBERS):
    """Assert that damage is found, or did not matter; return whether it was found."""
    path.write_bytes(data)
    try:
        contents, reasons = read(path)
    except ValueError as error:
        assert str(error).startswith(str(path))
        assert "\n" not in str(error)
        return True
    if kind == "tar":  # which has no checksums of contents
        assert list(contents) == list(members)
        assert [len(content) for content in contents.values()] == list(map(len, members.values()))
        return False
    assert len(contents) + len(reasons) == len(members), "a file was lost"
    n_suspects = 1 if sys.version_info < (3, 13) else 2  # of which newer versions say that they overlap
    assert len(reasons) <= n_suspects, "sound files were rejected with the damaged one"
    assert contents.items() <= members.items(), "a content was altered"
    return bool(reasons)


@pytest.mark.parametrize("kind", KINDS)
class TestDamage:
    def test_five_hundred_random_damages(self, tmp_path, kind):
        data = make(tmp_path / "sound", kind, MEMBERS.items()).read_bytes()
        found = [check_damaged(tmp_path / "damaged", kind, copy) for copy in damages(data, 500, kind)]
        assert sum(found) > 100

    def test_truncations_and_bits_of_the_last_bytes(self, tmp_path, kind):
        data = make(tmp_path / "sound", kind, MEMBERS.items()).read_bytes()
        half = len(data) // 2
        for end in range(half, len(data), max(1, half // 200)):
            check_damaged(tmp_path / "damaged", kind, data[:end])
        for place in range(len(data) - 60, len(data)):
            for bit in (0, 3, 6):
                check_damaged(tmp_path / "damaged", kind, flip(data, place, bit))

    def test_something_appended(self, tmp_path, kind):
        path = make(tmp_path / "a", kind, MEMBERS.items())
        path.write_bytes(path.read_bytes() + b"more")
        if kind == "zip":  # which is read from its end, where its last record is looked for
            assert read(path) == (MEMBERS, {})
        else:
            refuse(path, "is damaged")


def test_bits_of_the_directory_of_a_zip(tmp_path):
    """A length in the directory that grows or shrinks by the size of an entry hides a file."""
    members = {f"{number:018d}": GOOD[:60] for number in range(8)}  # 64 bytes an entry
    data = make_zip(tmp_path / "a.zip", members.items()).read_bytes()
    for place in range(data.find(b"PK\x01\x02"), len(data)):
        for bit in (1, 4, 6):
            check_damaged(tmp_path / "b.zip", "zip", flip(data, place, bit), members)


def test_a_tar_ends_with_two_blocks_of_zeros_and_nothing_after_them(tmp_path):
    path = make_tar(tmp_path / "a.tar", [("1.txt", GOOD)])
    data = path.read_bytes()
    end = len(data.rstrip(b"\0")) // 512 * 512 + 512
    path.write_bytes(data[: end + 1024])
    assert read(path) == ({"1.txt": GOOD}, {})
    path.write_bytes(data[: end + 512])
    refuse(path, "does not end with two blocks of zeros")
    path.write_bytes(data + data)
    refuse(path, "something follows the end")


@pytest.mark.parametrize(
    "name", ["lost.tar", "lost.tar.gz", "lost.tar.xz", "alt.tar.gz", "crash.tar.xz", "crash.zip"]
)
def test_archives_that_once_lost_spectra_are_refused(archives, name):
    refuse(archives / "hostile" / name, f"{name} is damaged: ")
    assert is_archive(archives / "hostile" / name)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_single_file_that_is_compressed_is_unpacked(tmp_path, compress):
    (tmp_path / "a.txt.gz").write_bytes(compress(b"0.45 1.0\n" * 300))
    (tmp_path / "b.txt.gz").write_bytes(compress(b"0.45 1.0\n" * 300)[:-4])
    found = dict(iter_files(tmp_path, Limits()))
    assert found["a.txt.gz"] == b"0.45 1.0\n" * 300
    assert "cannot be unpacked" in str(found["b.txt.gz"])
    assert "max_file_mib" in str(dict(iter_files(tmp_path, Limits(max_file_mib=0.001)))["a.txt.gz"])
