"""What goes into a ramdisk: Debian packages, kernel modules, programs; one table a flavour.

Nothing non-free is fetched: adapters whose driver asks for firmware files (bnx2x, some Broadcom, QLogic and Intel ones)
work only as far as they do without. An operator appends a cpio archive with /lib/firmware to the initrd.
"""

from ingot import debian

FLAVOURS = ('small', 'full')

#: The package that stands for the newest kernel; the real one is what it depends on.
KERNELS = {'small': 'linux-image-cloud-amd64', 'full': 'linux-image-amd64'}

#: Of the libraries only those stay in that something needs.
PACKAGES = ('busybox-static', 'kmod', 'open-iscsi', 'libbz2-1.0', 'libc6', 'libexpat1', 'libffi8', 'libisns0', 'libkmod2',
            'liblzma5', 'libopeniscsiusr', 'libssl3', 'libuuid1', 'libzstd1', 'zlib1g')

#: Programs beside Python: where the package has them -> where the ramdisk has them.
PROGRAMS = {'bin/kmod': 'sbin/modprobe', 'sbin/iscsistart': 'sbin/iscsistart'}

#: Loaded at every boot, whatever the machine has: no device calls for these.
ALWAYS = {'small': ('sd_mod', 'iscsi_tcp'), 'full': ('sd_mod', 'iscsi_tcp', 'ipmi_devintf')}

#: virtio_rng: without RDRAND the first Python waits a second for random numbers.
_VIRTIO = ('virtio_pci', 'virtio_net', 'virtio_blk', 'virtio_scsi', 'virtio_rng')
_SMALL = (*_VIRTIO, 'nvme', 'hv_vmbus', 'hv_netvsc', 'hv_storvsc', 'ena')
_FULL = (
    # disks
    'ahci', 'ata_piix', 'ata_generic', 'nvme', 'vmd', 'mpt3sas', 'mpi3mr', 'megaraid_sas', 'aacraid', 'hpsa', 'smartpqi',
    'isci', 'pm80xx', 'arcmsr', 'mptsas', 'mptspi', 'sata_sil24', 'sata_mv', 'mvsas', 'ses', 'usb-storage', 'uas', 'sdhci-pci',
    # network adapters
    'e1000', 'e1000e', 'igb', 'igbvf', 'igc', 'ixgbe', 'ixgbevf', 'i40e', 'iavf', 'ice', 'bnxt_en', 'bnx2', 'bnx2x', 'tg3',
    'mlx4_en', 'mlx5_core', 'r8169', 'realtek', 'be2net', 'enic', 'cxgb4', 'qede', 'qlcnic', 'sfc', 'atlantic', 'nfp',
    'amd-xgbe', 'dwmac-intel', 'sky2', 'forcedeth', 'alx', 'hinic', '8139cp', '8139too', '8021q', 'bonding',
    # virtual machines
    *_VIRTIO, 'vmw_pvscsi', 'vmxnet3', 'hv_vmbus', 'hv_netvsc', 'hv_storvsc', 'ena', 'gve',
    # the machine's own BMC, keyboards for ingot.shell
    'ipmi_si', 'ipmi_ssif', 'xhci_pci', 'ehci_pci', 'usbhid', 'hid_generic', 'atkbd', 'i8042',
)
MODULES = {'small': (*ALWAYS['small'], *_SMALL), 'full': (*ALWAYS['full'], *_FULL)}


def wanted(flavour, cache=None):
    """Names of all packages of a flavour, with the kernel and the Python of this release of Debian."""
    meta = debian.look_up([KERNELS[flavour], 'python3-minimal'], cache)
    kernel = debian.depended(meta[KERNELS[flavour]], r'linux-image-\d\S+')
    python = debian.depended(meta['python3-minimal'], r'python3\.\d+-minimal')
    library = f'lib{python.removesuffix("-minimal")}'
    return [kernel, python, f'{library}-minimal', f'{library}-stdlib', *PACKAGES]
