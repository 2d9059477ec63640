/* The function at a place in an ELF file, by its symbol tables. Files are read, never mapped: one
 * that is cut meanwhile ends the search, and no number in it is trusted. */
#include "prefault.h"

#include <elf.h>
#include <endian.h>
#include <string.h>
#include <unistd.h>

#if UINTPTR_MAX > UINT32_MAX
#define NATIVE_CLASS ELFCLASS64
typedef Elf64_Ehdr head;
typedef Elf64_Phdr segment;
typedef Elf64_Shdr section;
typedef Elf64_Sym symbol;
#else
#define NATIVE_CLASS ELFCLASS32
typedef Elf32_Ehdr head;
typedef Elf32_Phdr segment;
typedef Elf32_Shdr section;
typedef Elf32_Sym symbol;
#endif
#define NATIVE_DATA (BYTE_ORDER == BIG_ENDIAN ? ELFDATA2MSB : ELFDATA2LSB)

enum { AT_ONCE = 512, MOST_SYMBOLS = 1 << 22, MOST_TABLES = 4 };

static int read_all(int fd, void *into, size_t length, uint64_t offset)
{
    return offset <= INT64_MAX && pread(fd, into, length, (off_t)offset) == (ssize_t)length;
}

/* Where the byte at `offset` is when the file is loaded at 0: 0, or -ENOENT if it is in no segment. */
static int find_address(int fd, const head *elf, uint64_t offset, uint64_t *address)
{
    for (unsigned i = 0; i < elf->e_phnum; i++) {
        segment part;
        if (!read_all(fd, &part, sizeof(part), elf->e_phoff + i * sizeof(part)))
            break;
        if (part.p_type == PT_LOAD && offset >= part.p_offset &&
            offset - part.p_offset < part.p_filesz) {
            *address = part.p_vaddr + (offset - part.p_offset);
            return 0;
        }
    }
    return -ENOENT;
}

/* The nearest function that begins at or before an address and does not end before it. */
static void search(int fd, const section *table, uint64_t address, symbol *best, int *found)
{
    uint64_t count = table->sh_size / sizeof(symbol);
    for (uint64_t first = 0; first < count && first < MOST_SYMBOLS; first += AT_ONCE) {
        symbol some[AT_ONCE];
        uint64_t left = count - first, number = left < AT_ONCE ? left : AT_ONCE;
        if (!read_all(fd, some, number * sizeof(symbol), table->sh_offset + first * sizeof(symbol)))
            return;
        for (uint64_t i = 0; i < number; i++) {
            int kind = some[i].st_info & 0xf;
            if ((kind != STT_FUNC && kind != STT_GNU_IFUNC) || some[i].st_shndx == SHN_UNDEF ||
                some[i].st_value > address)
                continue;
            if (some[i].st_size && address - some[i].st_value >= some[i].st_size)
                continue;
            if (!*found || some[i].st_value > best->st_value) {
                *best = some[i];
                *found = 1;
            }
        }
    }
}

/* 1 with the name of the function that has the byte at `offset` of a file, and how far behind its
 * beginning that is; 0 without a name. `address` is what addr2line takes. -ENOEXEC of what is no ELF
 * file of this machine's kind, -ENOENT where the byte is not loaded. */
int pf_elf_symbol(int fd, uint64_t offset, uint64_t *address, uint64_t *distance, char *name,
                  size_t size)
{
    head elf;
    if (size == 0)
        return -EINVAL;
    if (!read_all(fd, &elf, sizeof(elf), 0) || memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 ||
        elf.e_ident[EI_CLASS] != NATIVE_CLASS || elf.e_ident[EI_DATA] != NATIVE_DATA ||
        elf.e_phentsize != sizeof(segment))
        return -ENOEXEC;
    int error = find_address(fd, &elf, offset, address);
    if (error)
        return error;
    int tables = 0;
    for (int wanted = 0; wanted < 2; wanted++) { /* .symtab has more, but a stripped file none */
        for (unsigned i = 0; i < elf.e_shnum && elf.e_shentsize == sizeof(section); i++) {
            section table, strings;
            symbol best = {0};
            int found = 0;
            if (!read_all(fd, &table, sizeof(table), elf.e_shoff + i * sizeof(table)))
                return 0;
            if (table.sh_type != (wanted ? SHT_DYNSYM : SHT_SYMTAB))
                continue;
            if (tables++ == MOST_TABLES) /* an honest file has one of each */
                return 0;
            search(fd, &table, *address, &best, &found);
            if (!found || table.sh_link >= elf.e_shnum ||
                !read_all(fd, &strings, sizeof(strings),
                          elf.e_shoff + table.sh_link * sizeof(strings)) ||
                best.st_name >= strings.sh_size)
                continue;
            uint64_t at = strings.sh_offset + best.st_name;
            ssize_t got = at <= INT64_MAX ? pread(fd, name, size - 1, (off_t)at) : 0;
            if (got <= 0)
                continue;
            name[got] = '\0';
            *distance = *address - best.st_value;
            return name[0] != '\0';
        }
    }
    return 0;
}
