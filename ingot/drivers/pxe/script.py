"""The iPXE scripts that machines run; pure.

Everything is named relative to the script it stands in, so that machines behind NAT need no address of ours but the one
that they got ``boot.ipxe`` from. ``chain --replace`` ends the script that it stands in: nothing nests. Source: ipxe.org/cmd.
"""

#: Firmware comes here first. A missing record and a missing server look the same to iPXE, hence the fetch of ``none.ipxe``.
#: Status 1 makes UEFI go on to the next boot device, where 0 would open its menu.
ENTRY = '''#!ipxe
# Ingot: a machine that is to netboot has a record under the MAC address of one of its network cards.
:again
set card:int8 0
:card
isset ${net${card}/mac} || goto none
chain --replace --autofree boot/${net${card}/mac:hexhyp}.ipxe ||
inc card
goto card
:none
imgfetch --name none boot/none.ipxe && goto leave ||
inc tries
iseq ${tries} 12 && goto leave ||
echo Ingot: the boot server does not answer, trying again in 5 seconds
sleep 5
goto again
:leave
imgfree
echo Ingot: nothing to netboot for ${netX/mac}, going on to the next boot device
exit 1
'''

NONE = '''#!ipxe
exit 1
'''

#: netX is the card that was opened last: the one with an address. A failed download starts again at the entry, because
#: the record may be another one by then.
_RECORD = '''#!ipxe
# {title}
isset ${{netX/ip}} && set ingot-ip ingot.ip=${{netX/ip}}/${{netX/netmask}} || clear ingot-ip
isset ${{netX/gateway}} && set ingot-gateway ingot.gateway=${{netX/gateway}} || clear ingot-gateway
imgfree
kernel --name kernel {kernel} {words} ingot.mac=${{netX/mac}} ${{ingot-ip}} ${{ingot-gateway}} initrd=initrd || goto failed
initrd --name initrd {ramdisk} || goto failed
boot ||
:failed
echo Ingot: the ramdisk did not start, trying again in 5 seconds
sleep 5
chain --replace --autofree ../boot.ipxe || goto failed
'''


_MOVED = '''#!ipxe
# The record is at another conductor.
chain --replace --autofree {url} ||
echo Ingot: {url} does not answer, trying again in 5 seconds
sleep 5
chain --replace --autofree ../boot.ipxe ||
exit 1
'''


def moved(url, mac):
    """What leads a machine to its record at another boot server. :param url: base URL of that."""
    return _MOVED.format(url=f'{url}/boot/{mac.replace(":", "-")}.ipxe')


def record(title, kernel, ramdisk, words):
    """The record of one machine. :param words: of the kernel line, checked. :param kernel, ramdisk: URLs, checked."""
    return _RECORD.format(title=title, kernel=kernel, ramdisk=ramdisk, words=words)
