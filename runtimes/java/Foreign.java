package com.kenai.jffi;

import java.nio.charset.StandardCharsets;

/**
 * Calls the C library, by the native library of jffi, which knows a class of this name.
 *
 * <p>jffi's own classes, and JNA's, read the environment and set up logging: neither is theirs here.
 */
public final class Foreign {
    /** jffi's numbers of the types that arguments and results have. */
    private static final int INT = 10;
    private static final int POINTER = 14;

    private Foreign() {}

    /** Loads the native library from a file. */
    public static void load(String file) {
        System.load(file);
    }

    /** Calls a C function whose arguments are strings and at last, perhaps, a number. */
    public static int call(String name, Object... arguments) {
        long[] types = new long[arguments.length];
        long[] values = new long[3];
        for (int each = 0; each < types.length; each++) {
            boolean number = arguments[each] instanceof Integer;
            types[each] = lookupBuiltinType(number ? INT : POINTER);
            values[each] = number ? (Integer) arguments[each] : text((String) arguments[each]);
        }
        long context = newCallContext(lookupBuiltinType(INT), types, 0);
        long function = dlsym(dlopen(null, 1), name);
        switch (types.length) {
            case 0:
                return (int) invokeN0(context, function);
            case 1:
                return (int) invokeN1(context, function, values[0]);
            default:
                return (int) invokeN3(context, function, values[0], values[1], values[2]);
        }
    }

    /** Returns the address of a string as C has it; it stays. */
    private static long text(String value) {
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        long address = allocateMemory(bytes.length + 1, true);
        putByteArray(address, bytes, 0, bytes.length);
        return address;
    }

    private static native long dlopen(String name, int flags);

    private static native long dlsym(long library, String name);

    private static native long lookupBuiltinType(int type);

    private static native long newCallContext(long result, long[] arguments, int flags);

    private static native long allocateMemory(long size, boolean clear);

    private static native void putByteArray(long address, byte[] bytes, int offset, int length);

    private static native long invokeN0(long context, long function);

    private static native long invokeN1(long context, long function, long first);

    private static native long invokeN3(
            long context, long function, long first, long second, long third);
}
